import Glibc
import MemwatchCLI

@main
enum Program {
    static func main() {
        exit(MemwatchClient.run(Array(CommandLine.arguments.dropFirst())))
    }
}
