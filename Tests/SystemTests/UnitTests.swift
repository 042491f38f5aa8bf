import TestSupport
import Testing
import Varlink

@Suite(
    "A unit is watched as a whole, through every restart", .requiresRoot, .requiresTool("systemd-nspawn"),
    .requiresMachine(), .timeLimit(.minutes(5)))
struct UnitTests {
    @Test("a unit restarted three times has one continuous history")
    func restarts() throws {
        let machine = try TestMachine()
        try machine.startDaemon()
        let grower = try Grower(on: machine)
        try machine.run("memwatch", "attach", "--unit", grower.unit)
        var events = try machine.followEvents()

        var pids: [Int64] = []
        for round in 0..<4 {
            try machine.run("systemctl", "restart", grower.unit)
            let pid = try machine.mainPID(of: grower.unit)
            pids.append(pid)
            try events.wait(for: "attached", of: pid)
            for _ in 0...round {
                try grower.step()
                let growth = try events.wait(for: "brk-grow", of: pid)
                #expect(growth["kind"]?.stringValue == "heap")
                #expect(growth["delta"]?.integerValue == Grower.stepBytes)
            }
            if round == 1 {
                try machine.run("systemctl", "restart", "memwatchd.service")
                events = try machine.followEvents()
            }
        }
        try machine.run("systemctl", "stop", grower.unit)
        try events.wait(for: "exit", of: pids.last)

        // Four processes, by one rule, and every one from its beginning to its end.
        #expect(Set(pids).count == 4)
        let targets = try machine.records("list", "--all")
        #expect(targets.compactMap { $0["pid"]?.integerValue }.sorted() == pids.sorted())
        for target in targets {
            #expect(target["unit"]?.stringValue == grower.unit)
            #expect(target["rule"]?.stringValue == "unit:" + grower.unit)
        }
        for (round, pid) in pids.enumerated() {
            let types = try machine.records("events", "\(pid)").compactMap { $0["event"]?.stringValue }
            #expect(types.first == "attached", "\(types)")
            #expect(types.last == "exit", "\(types)")
            #expect(types.filter { $0 == "attached" || $0 == "exit" }.count == 2, "\(types)")
            #expect(types.count { $0 == "brk-grow" } == round + 1, "\(types)")
            let samples = try machine.records("history", "\(pid)")
            #expect(samples.count >= round + 2)
        }
    }

    @Test("with children, what a unit's shell runs is watched too")
    func children() throws {
        let machine = try TestMachine()
        try machine.startDaemon()
        try machine.addService(
            "parent.service",
            """
            ExecStart=/bin/sh -c 'mkfifo /run/go; read go </run/go; sleep 1000 & sleep 2000 & wait'
            """)
        try machine.run("systemctl", "start", "parent.service")
        let shell = try machine.mainPID(of: "parent.service")
        try machine.run("memwatch", "attach", "\(shell)", "--children")
        let events = try machine.followEvents()
        try events.wait(for: "attached", of: shell)
        try machine.run("sh", "-c", "echo go >/run/go")
        // The shell is a twin of each child until it executes its program.
        var children: Set<Int64> = []
        while children.count < 2 {
            let event = try events.wait(for: "attached")
            if let pid = event["pid"]?.integerValue { children.insert(pid) }
        }
        try machine.run("systemctl", "stop", "parent.service")
        var ended: Set<Int64> = []
        while ended.count < 3 { ended.insert(try events.wait(for: "exit")["pid"]?.integerValue ?? 0) }
        #expect(ended == children.union([shell]))
        for target in try machine.records("list", "--all") {
            #expect(target["unit"]?.stringValue == "parent.service")
        }
    }
}

/// A service that moves its break up by one step each time it is told to, and goes on living.
struct Grower {
    static let stepBytes: Int64 = 256 << 10

    let unit = "grower.service"
    private let machine: TestMachine

    /// Writes the unit, without starting it.
    init(on machine: TestMachine) throws {
        self.machine = machine
        try machine.run("mkfifo", "/run/grower")
        // Opened for reading and writing, so that it never ends.
        try machine.addService(
            unit,
            """
            ExecStart=/bin/sh -c 'exec memgrow sbrk --size \(Self.stepBytes) --count 100 --keep --step <>/run/grower'
            """)
    }

    func step() throws { try machine.run("sh", "-c", "echo >/run/grower") }
}
