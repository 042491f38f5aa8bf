import MemwatchDaemon

@main
struct Memwatchd {
    static func main() async { await MemwatchDaemonCommand.start() }
}
