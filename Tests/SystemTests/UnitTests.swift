import TestSupport
import Testing
import Varlink

@Suite(
    "A unit is watched as a whole, through every restart", .requiresRoot, .requiresTool("systemd-nspawn"),
    .requiresMachine(), .requiresPackage, .timeLimit(.minutes(5)))
struct UnitTests {
    @Test("a unit restarted three times has one continuous history", arguments: ["auto", "sampling"])
    func restarts(source: String) throws {
        let machine = try TestMachine()
        try machine.startDaemon(source: source)
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

        try expectWholeLives(of: pids, in: grower.unit, on: machine)
        try expectOneSeries(of: pids, in: grower.unit, on: machine)
    }

    /// Four processes, adopted by one rule, and every one there from its beginning to its end.
    private func expectWholeLives(of pids: [Int64], in unit: String, on machine: TestMachine) throws {
        #expect(Set(pids).count == 4)
        let targets = try machine.records("list", "--all")
        #expect(targets.compactMap { $0["pid"]?.integerValue }.sorted() == pids.sorted())
        for target in targets {
            #expect(target["unit"]?.stringValue == unit)
            #expect(target["rule"]?.stringValue == "unit:" + unit)
        }
        for (round, pid) in pids.enumerated() {
            let types = try machine.records("events", "\(pid)").compactMap { $0["event"]?.stringValue }
            #expect(types.first == "attached", "\(types)")
            #expect(types.last == "exit", "\(types)")
            #expect(types.count { $0 == "attached" || $0 == "exit" } == 2, "\(types)")
            #expect(types.count { $0 == "brk-grow" } == round + 1, "\(types)")
        }
        let ends = try machine.journal("MESSAGE_ID=\(Message.postMortem)", "MEMWATCH_UNIT=" + unit)
        #expect(ends.compactMap { $0["MEMWATCH_PID"]?.stringValue } == pids.map { "\($0)" })
    }

    /// The unit's history is every sample of every process, in order, and nothing where none ran.
    private func expectOneSeries(of pids: [Int64], in unit: String, on machine: TestMachine) throws {
        let series = try machine.records("history", "--unit", unit).map(Point.init)
        #expect(series.map(\.time) == series.map(\.time).sorted())
        var lives: [Point] = []
        for pid in pids {
            let life = try machine.records("history", "\(pid)").map(Point.init)
            #expect(life.count >= 2)
            #expect(life.allSatisfy { $0.size > 0 })
            lives += life
        }
        #expect(series.filter { $0.size > 0 } == lives)
        #expect(series.count { $0.size == 0 } == pids.count)
        #expect(series.last?.size == 0)
    }

    /// What a sample says of a process, or of a unit: RFC 3339 in UTC sorts as text.
    private struct Point: Equatable {
        var time: String
        var size: Int64
        var heap: Int64

        init(_ sample: JSON) {
            time = sample["time"]?.stringValue ?? ""
            size = sample["vm_size"]?.integerValue ?? -1
            heap = sample["kinds"]?["heap"]?.integerValue ?? -1
        }
    }

    @Test("the hardened service gets the kernel's own records of a unit", .requiresPerformanceEvents)
    func records() throws {
        let machine = try TestMachine()
        try machine.startDaemon(interval: "1h")
        let grower = try Grower(on: machine)
        try machine.run("systemctl", "start", grower.unit)
        let pid = try machine.mainPID(of: grower.unit)
        try machine.run("memwatch", "attach", "--unit", grower.unit)
        let events = try machine.followEvents()
        try events.wait(for: "attached", of: pid)
        #expect(try machine.records("list").first?["event_source"]?.stringValue == "perf")
        try grower.step()
        // The next look is an hour away.
        let growth = try events.wait(for: "brk-grow", of: pid)
        #expect(growth["source"]?.stringValue == "perf")
        #expect(growth["tid"]?.integerValue == pid)
        #expect(growth["delta"]?.integerValue == Grower.stepBytes)
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
