import TestSupport

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
