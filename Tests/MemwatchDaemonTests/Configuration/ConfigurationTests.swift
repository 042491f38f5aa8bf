import Glibc
import MemwatchDaemon
import MemwatchInterface
import TestSupport
import Testing

@Suite("The daemon's configuration")
struct ConfigurationTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func load(_ text: String) throws -> DaemonConfiguration {
        let file = try directory.write(text, to: "memwatchd.toml")
        return try DaemonConfiguration.load(explicitFile: file, defaultFile: "/nowhere")
    }

    @Test("Without a file the defaults hold")
    func defaults() throws {
        let configuration = try DaemonConfiguration.load(
            explicitFile: nil, defaultFile: directory.path + "/memwatchd.toml")
        #expect(configuration == DaemonConfiguration())
        #expect(configuration.sampling.intervalMicroseconds == 1_000_000)
        #expect(configuration.sampling.fullScanIntervalMicroseconds == 10_000_000)
        #expect(configuration.events.source == .auto)
        #expect(configuration.history.maximumSizeBytes == 1_073_741_824)
        #expect(configuration.history.maximumAgeMicroseconds == 30 * 86_400_000_000)
        #expect(configuration.history.rawAgeMicroseconds == 86_400_000_000)
        #expect(configuration.history.minuteAgeMicroseconds == 7 * 86_400_000_000)
        #expect(configuration.journal.isEnabled)
        #expect(configuration.journal.minimumGrowthBytes == 65_536)
        #expect(configuration.journal.rateBurst == 1_000)
        #expect(configuration.journal.ratePerSecond == 50)
        #expect(configuration.access.group == "memwatch")
        #expect(configuration.access.maximumTargets == 20_000)
        #expect(configuration.access.connectionsPerUser == 64)
        #expect(configuration.metrics.listen == "" && !configuration.metrics.isOnVarlink)
        #expect(configuration.targets.isEmpty)
    }

    @Test("Every key is read")
    func everyKey() throws {
        let configuration = try load(
            """
            [sampling]
            interval = "250ms"
            full_scan_interval = "5s"
            [events]
            source = "sampling"
            [history]
            maximum_size = "512MiB"
            maximum_age = "10d"
            raw_age = "2h"
            minute_age = "1d"
            [journal]
            enabled = false
            minimum_growth = 4096
            rate_burst = 10
            rate_per_second = 5
            [access]
            group = "wheel"
            maximum_targets = 7
            connections_per_user = 3
            [metrics]
            listen = "127.0.0.1:9464"
            varlink = true
            [alerts]
            thresholds = ["heap > 2GiB for 5m", "anon grows > 10MiB/min for 10m"]
            stack_near_limit = ""
            maps_near_limit = "90%"
            leak_suspected = "1h"
            writable_executable = true
            on_alert = "tell@.service"
            [[target]]
            pid = 812
            interval = "100ms"
            children = true
            [[target]]
            comm = "python*"
            [[target]]
            exe = "/usr/lib/*/postgres"
            [[target]]
            unit = "nginx"
            [[target]]
            cgroup = "/system.slice//docker/"
            """)
        var expected = DaemonConfiguration()
        expected.sampling.intervalMicroseconds = 250_000
        expected.sampling.fullScanIntervalMicroseconds = 5_000_000
        expected.events.source = .sampling
        expected.history.maximumSizeBytes = 512 << 20
        expected.history.maximumAgeMicroseconds = 864_000_000_000
        expected.history.rawAgeMicroseconds = 7_200_000_000
        expected.history.minuteAgeMicroseconds = 86_400_000_000
        expected.journal.isEnabled = false
        expected.journal.minimumGrowthBytes = 4_096
        expected.journal.rateBurst = 10
        expected.journal.ratePerSecond = 5
        expected.access.group = "wheel"
        expected.access.maximumTargets = 7
        expected.access.connectionsPerUser = 3
        expected.metrics.listen = "127.0.0.1:9464"
        expected.metrics.isOnVarlink = true
        expected.alerts.thresholds = [
            try ThresholdRule("heap > 2GiB for 5m"), try ThresholdRule("anon grows > 10MiB/min for 10m"),
        ]
        expected.alerts.stackNearLimit = 0
        expected.alerts.mapsNearLimit = 90
        expected.alerts.leakMicroseconds = 3_600_000_000
        expected.alerts.writableExecutable = true
        expected.alerts.unit = "tell@.service"
        expected.targets = [
            TargetRule(.pid(812), intervalMicroseconds: 100_000, includesChildren: true),
            TargetRule(.comm(try Glob("python*"))), TargetRule(.exe(try Glob("/usr/lib/*/postgres"))),
            TargetRule(.unit("nginx.service")), TargetRule(.cgroup("/system.slice/docker")),
        ]
        #expect(configuration == expected)
        #expect(
            configuration.targets.map(\.text) == [
                "pid:812", "comm:python*", "exe:/usr/lib/*/postgres", "unit:nginx.service",
                "cgroup:/system.slice/docker",
            ])
        for rule in configuration.targets {
            #expect(try TargetRule.Matcher(text: rule.text) == rule.matcher)
        }
    }

    @Test("Files in conf.d are read in the order of their names: later values win, targets add up")
    func dropIns() throws {
        mkdir(directory.file("conf.d"), 0o755)
        let main = try directory.write(
            "[sampling]\ninterval = \"2s\"\n[access]\ngroup = \"a\"\n[[target]]\npid = 1\n",
            to: "memwatchd.toml")
        try directory.write("sampling.interval = \"4s\"\n[[target]]\npid = 3\n", to: "conf.d/20-b.toml")
        try directory.write("sampling.interval = \"3s\"\n[[target]]\npid = 2\n", to: "conf.d/10-a.toml")
        try directory.write("nonsense", to: "conf.d/.hidden.toml")
        try directory.write("nonsense", to: "conf.d/30.toml.bak")
        let loaded = try DaemonConfiguration.loadWithFiles(explicitFile: nil, defaultFile: main)
        #expect(loaded.configuration.sampling.intervalMicroseconds == 4_000_000)
        #expect(loaded.configuration.access.group == "a")
        #expect(loaded.configuration.targets.map(\.text) == ["pid:1", "pid:2", "pid:3"])
        #expect(
            loaded.files == [
                main, directory.path + "/conf.d/10-a.toml", directory.path + "/conf.d/20-b.toml",
            ])
    }

    @Test("conf.d counts without the main file too, and every file's problems are told at once")
    func allFilesAreChecked() throws {
        mkdir(directory.file("conf.d"), 0o755)
        try directory.write("[sampling]\ninterval = 5\n", to: "conf.d/1.toml")
        try directory.write("[journal\n", to: "conf.d/2.toml")
        let error = #expect(throws: ConfigurationError.self) {
            try DaemonConfiguration.load(explicitFile: nil, defaultFile: directory.path + "/memwatchd.toml")
        }
        let lines = try #require(error).description.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(
            lines.first
                == "\(directory.path)/conf.d/1.toml:2:12: interval is an integer; write a duration in quotes, such as \"5m\""
        )
        #expect(lines.last?.hasPrefix("\(directory.path)/conf.d/2.toml:1:9: ") == true, "\(lines)")
    }

    @Test(
        "What is wrong is said with line, column and what to write",
        arguments: [
            (
                "[sampling]\nintervall = \"1s\"",
                "2:1: unknown key 'intervall' in [sampling]; did you mean interval?"
            ),
            (
                "[sampling]\nfoo = 1",
                "2:1: unknown key 'foo' in [sampling]; write one of interval, full_scan_interval"
            ),
            (
                "[alerts]\nleak = true",
                "2:1: unknown key 'leak' in [alerts]; write one of thresholds, stack_near_limit, maps_near_limit"
            ),
            (
                "[alerts]\nthresholds = \"heap > 1GiB\"",
                "2:14: thresholds is a string; write thresholds in brackets, such as [\"heap > 2GiB for 5m\"]"
            ),
            (
                "[alerts]\nthresholds = [1]",
                "2:14: thresholds has an integer in it; write thresholds in quotes"
            ),
            (
                "[alerts]\nthresholds = [\"heep > 1GiB\"]",
                "2:14: 'heep > 1GiB' is not a threshold (there is no size 'heep'); write one such as"
            ),
            (
                "[alerts]\nstack_near_limit = \"80\"",
                "2:20: stack_near_limit is '80'; write \"1%\" to \"100%\", or \"\" for never"
            ),
            (
                "[alerts]\nleak_suspected = \"1s\"",
                "2:18: leak_suspected is '1s'; write a duration from 1m to 1d"
            ),
            (
                "[alerts]\non_alert = \"sh -c x\"",
                "2:12: on_alert: 'sh -c x' is not a template of a service; write one such as"
            ),
            ("\n  [ smapling ]\n", "2:5: unknown section 'smapling'; did you mean [sampling]?"),
            ("[targets]\n", "1:2: unknown section 'targets'; did you mean [[target]]?"),
            ("zebra = 1", "1:1: unknown section 'zebra'; write one of [sampling], [events],"),
            ("journal = 5", "1:1: 'journal' is an integer; write a section, [journal]"),
            ("[target]\npid = 1", "1:2: 'target' is a table; write each target as [[target]]"),
            ("target = [1]", "1:11: a target is an integer; write each target as [[target]]"),
            (
                "[sampling]\ninterval = \"5 minutes\"",
                "2:12: '5 minutes' is not a duration: write a number and ms, s, m"
            ),
            (
                "[sampling]\ninterval = \"99ms\"",
                "2:12: interval is '99ms'; write a duration from 100ms to 1h"
            ),
            ("[sampling]\ninterval = \"61m\"", "2:12: interval is '61m'; write a duration from 100ms to 1h"),
            (
                "[events]\nsource = \"bpf\"",
                "2:10: source is 'bpf'; write one of \"auto\", \"perf\", \"sampling\""
            ),
            (
                "[history]\nmaximum_size = \"1GB\"",
                "2:16: '1GB' is not a size memwatch takes: it counts in powers"
            ),
            (
                "[history]\nmaximum_size = \"1B\"",
                "2:16: maximum_size is '1B'; write a size from 1MiB to 16TiB"
            ),
            ("[history]\nmaximum_size = -1", "2:16: maximum_size is -1; write a size that is not negative"),
            ("[journal]\nenabled = \"yes\"", "2:11: enabled is a string; write true or false without quotes"),
            (
                "[journal]\nrate_burst = 1.5",
                "2:14: rate_burst is a floating-point number; write a number without"
            ),
            ("[journal]\nrate_burst = 0", "2:14: rate_burst is 0; write a number from 1 to 1000000"),
            ("[access]\ngroup = \"a b\"", "2:9: group: 'a b' is not the name of a group;"),
            ("[metrics]\nlisten = \"9464\"", "2:10: listen: '9464' is not an address and a port;"),
            ("[metrics]\nlisten = \"1.2.3:80\"", "2:10: listen: '1.2.3:80' is not an address and a port;"),
            (
                "[[target]]\ninterval = \"1s\"",
                "1:3: a target without a process; write one of pid, comm, exe, unit"
            ),
            (
                "[[target]]\npid = 1\n\n[[target]]\nunit = \"x\"\npid = 2",
                "6:1: a target with pid and unit; write one"
            ),
            ("[[target]]\npid = 0", "2:7: 0 is not a process id: write a number from 1 to 4194304"),
            (
                "[[target]]\npid = \"812\"",
                "2:7: pid is a string; write a process id without quotes, such as 812"
            ),
            ("[[target]]\ncomm = \"prometheus-node-*\"", "2:8: 'prometheus-node-*' matches no process"),
            ("[[target]]\ncomm = \"[a\"", "2:8: the pattern '[a' has a [ without its ]"),
            ("[[target]]\nexe = \"nginx\"", "2:7: 'nginx' matches no program: exe is a whole path"),
            ("[[target]]\nunit = \"a/b\"", "2:8: 'a/b' is not a unit: write its name as systemctl lists it"),
            ("[[target]]\ncgroup = \"x\"", "2:10: 'x' is not a control group: write its path"),
            (
                "[[target]]\npid = 1\ncolour = 2",
                "3:1: unknown key 'colour' in [[target]]; write one of pid, comm"
            ),
            ("[[target]]\npid = 1\n[target.pid]", "3:1: Error while parsing table header: cannot redefine"),
            ("[[[target]]", "1:3: expected a key; write one of letters, digits, - and _, or quote it"),
            ("[journal]\nenabled: true", "2:8: expected = after the key; write key = value"),
            (
                "[journal]\nenabled = yes please",
                "2:15: expected the end of the line; write one key or one section"
            ),
            ("[journal]\nenabled =", "2:10: expected a value; write a number, true, false or text in quotes"),
            ("[journal]\n\nenabled = \"x", "3:11: the string has no end; close it with \""),
            ("[journal]\nenabled = tru", "2:14: Error while parsing"),
            (
                "[history]\nmaximum_age = \"1d\"\nraw_age = \"2d\"",
                "3:1: raw_age is longer than maximum_age (1d); write"
            ),
            (
                "[history]\nraw_age = \"31d\"",
                "2:1: raw_age is longer than maximum_age (30d); write a shorter one, or"
            ),
            ("# ü\n[journal] # ö\n\"enabled\" = 'ü'", "3:13: enabled is a string; write true or false"),
            ("x = \"ü\" y", "1:9: expected the end of the line"),
            ("[journal]\r\nenabled = \r\n", "2:11: expected a value"),
            ("a = \"\u{1b}\"", "1:6: Error while parsing"), ("a\0b", "1:2: the file holds a NUL byte"),
        ])
    func refuses(text: String, expected: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try load(text) }
        let message = try #require(error).description
        #expect(message.hasPrefix("\(directory.path)/memwatchd.toml:\(expected)"), "\(message)")
        #expect(!message.unicodeScalars.contains { $0.properties.generalCategory == .control }, "\(message)")
    }

    @Test("A bad file lists all its problems from top to bottom")
    func problemsInOrder() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try load("[sampling]\ninterval = 1\n[events]\nsource = 2\n[access]\nzzz = 3\ngroup = 4\n")
        }
        #expect(try #require(error).problems.map(\.position?.line) == [2, 4, 6, 7])
    }

    @Test("Ages that nobody wrote give way to those somebody wrote")
    func ages() throws {
        let short = try load("[history]\nmaximum_age = \"1h\"").history
        #expect(short.rawAgeMicroseconds == 3_600_000_000)
        #expect(short.minuteAgeMicroseconds == 3_600_000_000)
        let long = try load("[history]\nraw_age = \"10d\"").history
        #expect(long.minuteAgeMicroseconds == 10 * 86_400_000_000)
        #expect(long.maximumAgeMicroseconds == 30 * 86_400_000_000)
    }

    // MARK: Files that are none

    @Test("A file that --config names must be there")
    func missingExplicitFile() {
        let file = directory.path + "/none.toml"
        let error = #expect(throws: ConfigurationError.self) {
            try DaemonConfiguration.load(explicitFile: file, defaultFile: "/nowhere")
        }
        #expect(error?.description == "\(file): does not exist; name a file that does, or leave --config out")
    }

    @Test("A directory, a FIFO, a device and a file that is too large are refused at once")
    func notFiles() throws {
        mkdir(directory.path + "/directory", 0o755)
        mkfifo(directory.path + "/fifo", 0o644)
        try directory.write([UInt8](repeating: UInt8(ascii: "\n"), count: 1 << 20 + 1), to: "large")
        try directory.write([UInt8](repeating: UInt8(ascii: "\n"), count: 1 << 20), to: "largest")
        chmod(try directory.write("", to: "open"), 0o666)
        symlink("largest", directory.path + "/link")
        symlink("loop", directory.path + "/loop")
        func problem(_ file: String) -> String? {
            let path = file.hasPrefix("/") ? file : directory.path + "/" + file
            do { _ = try DaemonConfiguration.load(explicitFile: path, defaultFile: "/nowhere") } catch {
                return String(error.description.dropFirst(path.count))
            }
            return nil
        }
        #expect(problem("directory") == ": is not a regular file; write one in its place")
        #expect(problem("fifo") == ": is not a regular file; write one in its place")
        #expect(problem("/dev/zero") == ": is not a regular file; write one in its place")
        #expect(problem("large") == ": is larger than 1MiB; split it up, or see what it is")
        #expect(problem("open") == ": can be changed by every user; take that away with chmod o-w")
        #expect(problem("loop")?.hasPrefix(": cannot be opened: ") == true)
        #expect(problem("largest") == nil)
        #expect(problem("link") == nil)
    }

    @Test("Bytes that are not UTF-8 are refused where they stand")
    func invalidUTF8() throws {
        let file = try directory.write(Array("# ü\na = '".utf8) + [0xff, 0x27], to: "memwatchd.toml")
        let error = #expect(throws: ConfigurationError.self) {
            try DaemonConfiguration.load(explicitFile: file, defaultFile: "/nowhere")
        }
        #expect(error?.description == "\(file):2:6: the byte 0xff is not UTF-8; save the file as UTF-8")
    }

    @Test(
        "Nesting without end is refused instead of overflowing the stack",
        arguments: [
            String(repeating: "a.", count: 400_000) + "a = 1",
            "[" + String(repeating: "a.", count: 400_000) + "a]",
            "a = " + String(repeating: "[", count: 900_000),
            "a = " + String(repeating: "{a=", count: 300_000),
            String(repeating: "[\"a\".", count: 1) + String(repeating: "'b' . ", count: 100_000) + "c]",
        ])
    func deepNesting(text: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try load(text) }
        #expect(try #require(error).description.contains(":1:"))
        #expect(try #require(error).description.contains("nested more than 32 deep"))
    }
}
