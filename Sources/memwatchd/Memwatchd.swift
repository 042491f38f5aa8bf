import ArgumentParser
import MemwatchDaemon

@main
struct Memwatchd {
    static func main() async { await MemwatchDaemonCommand.main() }
}
