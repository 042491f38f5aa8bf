import TestSupport

/// Where the built programs take Swift's libraries from.
///
/// A release build has them inside. A debug build names the toolchain's directory, and a machine that has
/// no toolchain is lent it.
enum SwiftRuntime {
    static func directories() throws -> [String] {
        var directories: [String] = []
        for product in ["memwatch", "memwatchd", "memgrow"] {
            // "libswiftCore.so => /opt/swift/usr/lib/swift/linux/libswiftCore.so (0x…)"
            for line in try run("ldd", [try builtProduct(product)]).split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count > 2, words[0].contains("libswift"), let slash = words[2].lastIndex(of: "/")
                else { continue }
                let directory = String(words[2][..<slash])
                if !directories.contains(directory) { directories.append(directory) }
            }
        }
        return directories
    }
}
