import Glibc
import SystemPackage

/// Opens a ring for every CPU, as large as the limit of locked memory allows.
func openRings(
    bytes wanted: Int, processors: [Int32], for scope: KernelEventSource.Scope
) throws(KernelEventRefusal) -> [PerfRing] {
    var bytes = smallestRing
    while bytes < wanted && bytes < largestRing { bytes *= 2 }
    while true {
        var rings: [PerfRing] = []
        var failure: PerfRing.Failure?
        for processor in processors {
            do throws(PerfRing.Failure) {
                rings.append(try PerfRing(cpu: processor, bytes: bytes))
            } catch .opening(Errno(rawValue: ENODEV)) {
                // It went offline just now.
            } catch {
                failure = error
                break
            }
        }
        guard let failure else { return rings }
        for ring in rings { ring.close() }
        switch failure {
        case .opening(let errno):
            throw KernelEventRefusal(scope: scope, opening: errno.rawValue)
        case .mapping(.notPermitted), .mapping(.noMemory):
            // A user's rings count together, those of other programs too.
            guard bytes > smallestRing else { throw KernelEventRefusal(scope: scope, cause: .lockedMemory) }
            bytes /= 2
        case .mapping(let errno):
            throw KernelEventRefusal(scope: scope, cause: .other(errno.rawValue))
        }
    }
}

private let smallestRing = 32 << 10
private let largestRing = 64 << 20
