/// A process that changes a map of many areas at random, as it is told, and stands still in between.
package final class ChangingProcess {
    package let process: ChildProcess
    package var pid: Int32 { process.pid }

    /// - Parameter areas: those it has at least.
    package init(areas: Int, seed: Int = 1) throws {
        process = try Self.program.get().start("\(areas)", "\(seed)")
    }

    /// So many changes: mmap, munmap, mprotect, mremap, brk, of whole areas and of parts.
    package func change(_ count: Int) throws { try perform("c \(count)") }

    /// Maps and unmaps without a pause until it is told anything else.
    package func makeNoise() throws { try process.send("n\n") }

    /// Maps one area, which stays. - Returns: where.
    package func map(bytes: UInt64) throws -> Range<UInt64> {
        let start = try number(perform("m \(bytes)"), radix: 16)
        return start..<start + bytes
    }

    package func fork() throws { try perform("f 0") }

    @discardableResult
    package func perform(_ line: String) throws -> String {
        try process.send(line + "\n")
        guard let answer = try process.nextLine() else {
            throw TestFailure("it ended at \(line): \(process.errorText())")
        }
        return answer
    }

    // MARK: What the kernel says of it, read without memwatch

    /// VmSize in bytes.
    package func vmSize() throws -> UInt64 {
        let line = try readText("/proc/\(pid)/status").split(separator: "\n").first {
            $0.hasPrefix("VmSize:")
        }
        let words = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }) ?? []
        return try words.count > 1 ? number(words[1]) << 10 : 0
    }

    /// The stretches of one kind of protection and of one file, in order. Where the kernel, or memwatch, cuts one
    /// in two that is one all the same does not show.
    package func stretches() throws -> [Stretch] {
        let all = try readText("/proc/\(pid)/maps").split(separator: "\n").map { line in
            let words = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            let ends = try words[0].split(separator: "-").map { try number($0, radix: 16) }
            return try Stretch(
                start: ends[0], end: ends[1], permissions: String(words[1]), inode: number(words[4]))
        }
        return Stretch.merged(all)
    }

    package struct Stretch: Equatable, CustomStringConvertible, Sendable {
        package var start: UInt64
        package var end: UInt64
        package var permissions: String
        package var inode: UInt64

        package init(start: UInt64, end: UInt64, permissions: String, inode: UInt64) {
            self.start = start
            self.end = end
            self.permissions = permissions
            self.inode = inode
        }

        package var description: String {
            String(start, radix: 16) + "-" + String(end, radix: 16) + " " + permissions
        }

        package static func merged(_ all: [Stretch]) -> [Stretch] {
            all.reduce(into: []) { result, next in
                if let last = result.last, last.end == next.start, last.permissions == next.permissions,
                    last.inode == next.inode
                {
                    result[result.count - 1].end = next.end
                } else {
                    result.append(next)
                }
            }
        }
    }

    private static let program = Result { try CProgram(source) }

    private static let source = """
        #define _GNU_SOURCE
        #include <poll.h>
        #include <stdint.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/wait.h>
        #include <unistd.h>

        #define PAGE 4096UL
        #define MOST 256
        static struct { char *start; size_t pages; } live[MOST];
        static int count;
        static uint64_t state;

        static unsigned pick(unsigned n) {
            state ^= state << 13; state ^= state >> 7; state ^= state << 17;
            return (unsigned)((state >> 16) % n);
        }

        static const int protections[] = {
            PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE, PROT_READ | PROT_EXEC};

        static char *anonymous(size_t pages, int protection) {
            return mmap(0, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        }

        static void add(void) {
            if (count == MOST) return;
            live[count].pages = pick(8) + 1;
            live[count].start = anonymous(live[count].pages, protections[pick(5)]);
            count++;
        }

        static void drop(int i) {
            munmap(live[i].start, live[i].pages * PAGE);
            live[i] = live[--count];
        }

        static void change(void) {
            int i = count ? (int)pick((unsigned)count) : 0;
            unsigned what = pick(100);
            if (count == 0 || what < 30) { add(); return; }
            char *start = live[i].start;
            size_t pages = live[i].pages, part = pick((unsigned)pages) + 1;
            if (what < 50) {
                drop(i);
            } else if (what < 60) {                /* its beginning goes */
                munmap(start, part * PAGE);
                live[i].start += part * PAGE;
                if ((live[i].pages -= part) == 0) live[i] = live[--count];
            } else if (what < 75) {
                mprotect(start + (pages - part) * PAGE, part * PAGE, protections[pick(5)]);
            } else if (what < 85) {
                /* Of one protection, as mremap wants it. */
                mprotect(start, pages * PAGE, PROT_READ | PROT_WRITE);
                char *moved = mremap(start, pages * PAGE, (part + 1) * PAGE, MREMAP_MAYMOVE);
                if (moved != MAP_FAILED) { live[i].start = moved; live[i].pages = part + 1; }
            } else if (what < 92) {
                mmap(start, part * PAGE, protections[pick(5)],
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            } else {
                static size_t grown;
                if (grown > 0 && pick(2)) { sbrk(-(long)(grown * PAGE)); grown = 0; }
                else { sbrk((long)(part * PAGE)); grown += part; }
            }
        }

        int main(int argc, char **argv) {
            if (argc < 3) return 64;
            state = strtoull(argv[2], 0, 10) * 0x9e3779b97f4a7c15 | 1;
            /* Buffers of its own: nothing else moves the break. */
            static char in[4096], out[4096];
            setvbuf(stdin, in, _IOFBF, sizeof in);
            setvbuf(stdout, out, _IOLBF, sizeof out);
            size_t areas = strtoul(argv[1], 0, 10);
            char *wide = anonymous(areas, PROT_NONE);
            for (size_t i = 0; i < areas; i += 2) mprotect(wide + i * PAGE, PAGE, PROT_READ | PROT_WRITE);
            puts("ready");
            char line[64];
            while (fgets(line, sizeof line, stdin)) {
                unsigned long number = strtoul(line + 1, 0, 10);
                if (*line == 'c') {
                    while (number--) change();
                    puts("changed");
                } else if (*line == 'm') {
                    printf("%lx\\n", (unsigned long)anonymous(number / PAGE, PROT_READ | PROT_WRITE));
                } else if (*line == 'f') {
                    pid_t child = fork();
                    if (child == 0) _exit(0);
                    waitpid(child, 0, 0);
                    puts("forked");
                } else if (*line == 'n') {
                    struct pollfd input = {0, POLLIN, 0};
                    while (poll(&input, 1, 0) == 0)
                        for (int i = 0; i < 100; i++) munmap(anonymous(3, PROT_READ | PROT_WRITE), 3 * PAGE);
                }
            }
        }
        """
}

private func number(_ text: some StringProtocol, radix: Int = 10) throws -> UInt64 {
    guard let number = UInt64(text, radix: radix) else { throw TestFailure("no number: \(text)") }
    return number
}
