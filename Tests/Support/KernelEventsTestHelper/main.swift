// Watches processes from a process of its own, so that a test can choose what that one may: the user it runs
// as, how much it may lock, how many files it may open.
//
//     KernelEventsTestHelper [RINGBYTES [MEMLOCK [NOFILE]]]
//
//     probe                    → PermissionOfMachine|PermissionOfOwnProcess (`allowed` or the reason)
//     watch PID SCOPE…         → SCOPE that held, or `refused: REASON`; children are followed
//     drain PID                → PID:SIZE,SIZE,…;CHILD:SIZE,…  (areas that are shared, so that nothing merges)
//     rings                    → bytes of a ring
import Glibc
import KernelEvents
import MemoryModel

let numbers = CommandLine.arguments.dropFirst().map { UInt($0) ?? 0 }

func limit(_ resource: __rlimit_resource, _ value: UInt) {
    var limits = rlimit(rlim_cur: value, rlim_max: value)
    setrlimit(Int32(bitPattern: resource.rawValue), &limits)
}

if numbers.count > 1 { limit(__RLIMIT_MEMLOCK, numbers[1]) }
if numbers.count > 2 { limit(RLIMIT_NOFILE, numbers[2]) }

var options = KernelEventSource.Options()
if numbers.count > 0 { options.ringBytes = Int(numbers[0]) }
let source = KernelEventSource(options: options) { _ in }
var queues: [Int32: KernelEventQueue] = [:]

func scope(_ word: some StringProtocol) -> KernelEventSource.Scope {
    switch word {
    case "machine": .machine
    case "process": .process
    default: .cgroup(String(word))
    }
}

func sizes(_ queue: KernelEventQueue) -> String {
    let mapped = queue.take().records.compactMap { record -> String? in
        guard case .mapping(let mapping) = record.content, mapping.permissions.contains(.shared) else {
            return nil
        }
        return "\(mapping.end - mapping.start)"
    }
    return "\(queue.pid):" + mapped.joined(separator: ",")
}

while let line = readLine() {
    let words = line.split(separator: " ")
    switch words.first {
    case "probe":
        let permission = KernelEventSource.probe()
        print(permission.machine?.description ?? "allowed", terminator: "|")
        print(permission.ownProcess?.description ?? "allowed")
    case "watch" where words.count > 2:
        let pid = Int32(words[1]) ?? 0
        switch source.watch(pid: pid, preferring: words[2...].map { scope($0) }, followsChildren: true) {
        case .success(let queue):
            queues[pid] = queue
            print(queue.scope)
        case .failure(let refusal): print("refused: \(refusal)")
        }
    case "drain" where words.count > 1:
        source.drain()
        let queue = Int32(words[1]).flatMap { queues[$0] }
        let all = [queue].compactMap(\.self) + source.takeChildren()
        print(all.map { sizes($0) }.joined(separator: ";"))
    case "rings": print(source.statistics.ringBytes)
    default: print("unknown: \(line)")
    }
    // The pipe is read line by line.
    fflush(nil)
}
