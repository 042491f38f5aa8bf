import Glibc

// libFuzzer has the main function; it calls these two.

/// The target, whose name is in `MEMWATCH_FUZZ_TARGET`: in the environment, because the arguments are libFuzzer's
/// own, and because it starts itself again with them.
private let target: FuzzTarget = {
    let name = getenv("MEMWATCH_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
        fatalError("MEMWATCH_FUZZ_TARGET must be one of \(names), not '\(name)'")
    }
    return target
}()

/// Puts the target's longest input in front of the arguments, so that one among them still counts.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
    let words = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: Int(count.pointee) + 2)
    words[0] = arguments.pointee[0]
    words[1] = strdup("-max_len=\(target.maximumBytes)")
    // The NULL behind them too.
    for index in 1...Int(count.pointee) { words[index + 1] = arguments.pointee[index] }
    count.pointee += 1
    arguments.pointee = words
    return 0
}

/// A violation ends the program as a trap does, so that libFuzzer keeps the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do throws(Violation) {
        _ = try target.check(UnsafeRawBufferPointer(start: start, count: count))
    } catch {
        fatalError("\(target.rawValue): \(error)")
    }
    return 0
}
