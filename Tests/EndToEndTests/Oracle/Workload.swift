import Glibc
import TestSupport

/// A program that is run under strace and memwatch at the same time.
struct Workload {
    var name: String
    /// The program with its arguments.
    var words: [String]
    /// What its files lie in.
    var directory: TemporaryDirectory

    /// The distribution's own, else the first in PATH: what version managers put there are scripts that start dozens
    /// of programs first.
    static func tool(_ name: String) -> String {
        let path = "/usr/bin/\(name)"
        return access(path, X_OK) == 0 ? path : findTool(name) ?? name
    }

    static func python() throws -> Workload {
        let directory = try TemporaryDirectory()
        let script = try directory.write(
            """
            import random
            random.seed(3)
            kept = []
            for turn in range(120):
                block = [bytearray(random.choice((40_000, 150_000, 600_000, 3_000_000))) for _ in range(6)]
                numbers = list(range(random.randrange(60_000)))
                text = [str(number) for number in numbers[:20_000]]
                kept.append((block[0], text[:1_000]))
                if len(kept) > 12:
                    del kept[random.randrange(len(kept))]
            del kept, block, numbers, text
            """, to: "lists.py")
        // Fixed thresholds: else malloc learns to keep what was freed, and asks the kernel for hardly anything more.
        let fixed = ["MALLOC_MMAP_THRESHOLD_=131072", "MALLOC_TRIM_THRESHOLD_=131072"]
        return Workload(
            name: "python3: lists and bytearrays", words: [tool("env")] + fixed + [tool("python3"), script],
            directory: directory)
    }

    static func node() throws -> Workload {
        let directory = try TemporaryDirectory()
        let script = try directory.write(
            """
            let kept = [];
            for (let turn = 0; turn < 300; turn++) {
                kept.push(Buffer.alloc(1000 + (turn * 7919) % 900000, turn));
                const objects = [];
                for (let i = 0; i < 4000; i++) objects.push({ turn, i, text: `${turn}-${i}` });
                kept.push(objects);
                if (kept.length > 40) kept = kept.slice(30);
            }
            kept = [];
            """, to: "buffers.js")
        return Workload(
            name: "node: buffers and objects", words: [tool("node"), script], directory: directory)
    }

    /// The compiler that the source launcher runs is part of the work.
    static func java() throws -> Workload {
        let directory = try TemporaryDirectory()
        let source = try directory.write(
            """
            import java.nio.ByteBuffer;
            import java.util.ArrayList;

            public class Main {
                public static void main(String[] arguments) throws Exception {
                    for (int turn = 0; turn < 20; turn++) {
                        Thread thread = new Thread(() -> {
                            ArrayList<byte[]> list = new ArrayList<>();
                            for (int i = 0; i < 200; i++) list.add(new byte[50_000]);
                        });
                        thread.start();
                        ByteBuffer.allocateDirect(1_000_000 + turn * 100_000).putInt(0, turn);
                        thread.join();
                    }
                }
            }
            """, to: "Main.java")
        return Workload(
            name: "java: compile, threads, buffers",
            words: [tool("java"), "-Xmx96m", "-XX:+UseSerialGC", source],
            directory: directory)
    }

    static func sqlite() throws -> Workload {
        let directory = try TemporaryDirectory()
        let script = try directory.write(
            """
            PRAGMA synchronous = OFF;
            PRAGMA mmap_size = 268435456;
            PRAGMA cache_size = 16000;
            CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c TEXT);
            WITH RECURSIVE n(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM n WHERE x < 300000)
            INSERT INTO t SELECT x, hex(x * 7919 % 100003), printf('%060d', x) FROM n;
            CREATE INDEX i ON t (b);
            SELECT count(*), max(length(c)) FROM t GROUP BY substr(b, 1, 1);
            DELETE FROM t WHERE a % 3 = 0;
            VACUUM;
            """, to: "load.sql")
        return Workload(
            name: "sqlite3: loading a table",
            words: [tool("sqlite3"), directory.file("t.sqlite"), ".read \(script)"], directory: directory)
    }

    static func compiler() throws -> Workload {
        let directory = try TemporaryDirectory()
        var sources: [String] = []
        for file in 0..<2 {
            var text = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
            for number in 0..<160 {
                text += """
                    static int f\(file)_\(number)(const char *s, int n) {
                        char *copy = malloc(n + 1);
                        int sum = 0;
                        if (!copy) return -1;
                        memcpy(copy, s, n);
                        for (int i = 0; i < n; i++) sum += (copy[i] ^ \(number)) * (i % 7 ? sum | 1 : n);
                        printf("%d %s\\n", sum, copy);
                        free(copy);
                        return sum;
                    }

                    """
            }
            text += "int g\(file)(const char *s, int n) { return "
            text += (0..<160).map { "f\(file)_\($0)(s, n)" }.joined(separator: " + ") + "; }\n"
            if file == 0 {
                text +=
                    "int g1(const char *, int);\nint main(int n, char **s) { return g0(*s, n) + g1(*s, n); }\n"
            }
            sources.append(try directory.write(text, to: "part\(file).c"))
        }
        return Workload(
            name: "cc: cc1, as, collect2, ld",
            words: [tool("cc"), "-O2", "-o", directory.file("a.out")] + sources,
            directory: directory)
    }

    static func threads() throws -> Workload {
        let directory = try TemporaryDirectory()
        let source = try directory.write(
            """
            #define _GNU_SOURCE
            #include <pthread.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>

            enum { threads = 4, rounds = 600, slots = 8, page = 4096 };
            static pthread_barrier_t start;

            static unsigned next(unsigned *state) {
                *state ^= *state << 13;
                *state ^= *state >> 17;
                *state ^= *state << 5;
                return *state;
            }

            static void *work(void *number) {
                unsigned state = 2463534242u + (unsigned)(long)number;
                void *mapped[slots] = {0};
                size_t size[slots] = {0};
                void *blocks[slots] = {0};
                pthread_barrier_wait(&start);
                for (int i = 0; i < rounds; i++) {
                    unsigned s = next(&state) % slots;
                    if (mapped[s] && next(&state) % 3 == 0) {
                        size_t longer = (1 + next(&state) % 64) * page;
                        void *moved = mremap(mapped[s], size[s], longer, MREMAP_MAYMOVE);
                        if (moved != MAP_FAILED) { mapped[s] = moved; size[s] = longer; }
                    } else if (mapped[s]) {
                        munmap(mapped[s], size[s]);
                        mapped[s] = 0;
                    } else {
                        int shared = next(&state) % 4 == 0;
                        size[s] = (1 + next(&state) % 64) * page;
                        mapped[s] = mmap(0, size[s], PROT_READ | PROT_WRITE,
                                         (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
                        if (mapped[s] == MAP_FAILED) { mapped[s] = 0; continue; }
                        memset(mapped[s], 1, size[s]);
                        if (size[s] > 2 * page && next(&state) % 2)
                            mprotect((char *)mapped[s] + page, page, next(&state) % 2 ? PROT_READ : PROT_NONE);
                    }
                    s = next(&state) % slots;
                    free(blocks[s]);
                    blocks[s] = malloc(1 + next(&state) % (i % 10 ? 60000 : 900000));
                    if (blocks[s]) *(char *)blocks[s] = 2;
                }
                for (int s = 0; s < slots; s++) {
                    if (mapped[s]) munmap(mapped[s], size[s]);
                    free(blocks[s]);
                }
                return 0;
            }

            int main(void) {
                pthread_t others[threads];
                pthread_barrier_init(&start, 0, threads + 1);
                for (long i = 0; i < threads; i++) pthread_create(&others[i], 0, work, (void *)i);
                work((void *)99);
                for (int i = 0; i < threads; i++) pthread_join(others[i], 0);
                return 0;
            }
            """, to: "threads.c")
        let program = directory.file("threads")
        try run(tool("cc"), ["-O1", "-pthread", "-o", program, source])
        return Workload(name: "C: five threads", words: [program], directory: directory)
    }
}
