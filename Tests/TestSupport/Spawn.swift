import Glibc
import Synchronization

/// Both ends closed on exec.
struct Pipe {
    var reader: Int32
    var writer: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw TestFailure.system("pipe", errno) }
        reader = ends[0]
        writer = ends[1]
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    private static let lock = Mutex(())

    /// Glibc's Swift module has no `pipe2`, so for a moment a new pipe is inherited by any program
    /// that another test starts, and then never ends: one test at a time.
    static func whileNoneIsInherited<Result>(_ body: () throws -> Result) throws -> Result {
        try lock.withLock { _ in try body() }
    }
}

/// Starts a program with the given standard input, output and error; 0 or an errno, and its pid.
func spawn(_ words: [String], _ environment: [String], _ files: [Int32]) -> (code: Int32, pid: pid_t) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, file) in files.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, file, Int32(number))
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A test runner may ignore or block signals (SIGPIPE, SIGTERM); its children shall not.
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var pid: pid_t = 0
    let code = withCStrings(words) { argv in
        withCStrings(environment) { envp in posix_spawnp(&pid, words[0], &actions, &attributes, argv, envp) }
    }
    return (code, pid)
}

/// Closes `descriptor` when the child `pid` has ended, leaving it to be reaped by others.
///
/// A thread that waits: glibc's Swift module has no `pidfd_open`.
func watchForEnd(of pid: pid_t, closing descriptor: Int32) {
    let context = UnsafeMutablePointer<(pid_t, Int32)>.allocate(capacity: 1)
    context.initialize(to: (pid, descriptor))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { raw in
            guard let context = raw?.assumingMemoryBound(to: (pid_t, Int32).self) else { return nil }
            let (pid, descriptor) = context.pointee
            context.deallocate()
            var info = siginfo_t()
            while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
            close(descriptor)
            return nil
        }, context)
    if code == 0 {
        pthread_detach(thread)
    } else {
        // Then waiting returns at once, and waitpid does the waiting.
        context.deallocate()
        close(descriptor)
    }
}

/// Calls `body` with a NULL-ended array of C strings.
private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers)
}
