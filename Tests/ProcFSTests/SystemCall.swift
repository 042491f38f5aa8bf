import Glibc

/// System calls that Swift does not import, or that must not go through the C library.
enum SystemCall {
    #if arch(x86_64)
        private static let pipe2 = 293
        private static let prctl = 157
        private static let setresuid = 117
        private static let setresgid = 119
    #else
        // The numbers of all architectures newer than x86.
        private static let pipe2 = 59
        private static let prctl = 167
        private static let setresuid = 147
        private static let setresgid = 149
    #endif

    static func pipe(_ ends: inout [Int32]) -> Bool {
        ends.withUnsafeMutableBytes { bytes in
            call(pipe2, Int(bitPattern: bytes.baseAddress), Int(O_CLOEXEC), 0) == 0
        }
    }

    /// Makes the calling thread, and no other, all this user.
    static func becomeUser(_ id: Int) -> Bool {
        call(setresgid, id, id, id) == 0 && call(setresuid, id, id, id) == 0
    }

    /// The kernel makes a process undumpable when one of its threads changes its user.
    static func makeDumpable() { _ = call(prctl, 4, 1, 0) }
}

/// syscall(2), which Swift does not import because it takes any number of arguments. Whole
/// numbers travel in the same registers either way.
@_silgen_name("syscall")
private func call(_ number: Int, _ a: Int, _ b: Int, _ c: Int) -> Int
