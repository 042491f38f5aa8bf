import CLinux
import Glibc
import SystemPackage

/// Where a thread's stack pointer is, as far as one can know.
package enum StackPointerReading: Hashable, Sendable {
    case at(UInt64)
    /// The thread is on a CPU, so its registers are too.
    case running
    /// Needs ptrace access of the attaching sort, which is more than reading maps needs.
    case denied
    case gone
}

extension ProcessDirectory {
    /// The ids of the process's threads (`/proc/[pid]/task`), ascending. Not atomic.
    package func threadIDs() throws(ProcError) -> [Int32] {
        do throws(Errno) {
            return try numericNames(inDirectory: "task", below: directory.rawValue)
        } catch {
            throw self.error(error, "task")
        }
    }

    /// Whether the thread is still there (`/proc/[pid]/task/[tid]`), ending or not.
    package func hasThread(_ tid: Int32) -> Bool {
        faccessat(directory.rawValue, "task/\(tid)", F_OK, 0) == 0
    }

    /// Whether the thread waits for something that a signal ends, is stopped, or has ended
    /// (`/proc/[pid]/task/[tid]/stat`, 3): it is not in the middle of making another then. Not so where it is gone.
    package func isThreadWaiting(_ tid: Int32) -> Bool {
        guard let bytes = try? contents("task/\(tid)/stat", limit: 4_096) else { return false }
        let stat = try? bytes.withUnsafeBytes { try ProcessStat(parsing: $0) }
        return stat.map { $0.isAsleep || $0.isZombie } ?? false
    }

    /// The stack pointer of a thread that waits, from `/proc/[pid]/task/[tid]/syscall`.
    package func stackPointer(ofThread tid: Int32) -> StackPointerReading {
        do throws(ProcError) {
            let bytes = try contents("task/\(tid)/syscall", limit: 512)
            return bytes.withUnsafeBytes(Self.stackPointer(parsing:))
        } catch {
            switch error {
            case .denied: return .denied
            default: return .gone
            }
        }
    }

    /// Reads `running`, `-1 SP PC` (waiting outside a system call) or `NR ARG×6 SP PC`. Pure, for tests.
    static func stackPointer(parsing bytes: UnsafeRawBufferPointer) -> StackPointerReading {
        var cursor = ByteCursor(bytes)
        var words: [UnsafeRawBufferPointer] = []
        while words.count < 9, let word = cursor.word() { words.append(word) }
        guard words.count >= 3 else { return .running }
        var pointer = ByteCursor(words[words.count - 2])
        // A kernel without the arch hook prints zeros.
        guard let address = pointer.hexadecimal(), address != 0 else { return .running }
        return .at(address)
    }

    /// The soft limit of the main stack's size in bytes; `.max` for unlimited, nil where not readable.
    ///
    /// By prlimit(2) where that is permitted (root, or the same ids in every place): 0.3 µs instead of 8 for
    /// `/proc/[pid]/limits`. It goes by number, which may be another process's by now: whoever asks reads
    /// something through this directory afterwards, which fails then.
    package func stackLimit() -> UInt64? {
        if root.isSystems {
            var limit: UInt64 = 0
            if clinux_stack_limit(pid, &limit) == 0 { return limit }
        }
        return stackLimitFromFile()
    }

    private func stackLimitFromFile() -> UInt64? {
        guard let bytes = try? contents("limits", limit: 16_384) else { return nil }
        return bytes.withUnsafeBytes(Self.stackLimit(parsing:))
    }

    static func stackLimit(parsing bytes: UnsafeRawBufferPointer) -> UInt64? {
        var lines = ByteCursor(bytes)
        while let line = lines.line() {
            guard line.hasPrefix("Max stack size ") else { continue }
            var cursor = ByteCursor(line, from: 15)
            cursor.skipBlanks()
            if let bytes = cursor.decimal() { return bytes }
            return cursor.word().flatMap { $0.equals("unlimited") ? UInt64.max : nil }
        }
        return nil
    }
}
