import Glibc
import NIOCore
import Varlink

/// Stops accepting for a while when there is nothing to accept with, or little left for all else.
///
/// After EMFILE the connection stays in the queue and the listening socket stays readable, so
/// an accept loop that goes on takes all of a CPU. NIO's own `AcceptBackoffHandler` delays the
/// next `read`, but a server channel whose `accept` failed still has its read pending and is
/// never asked for another; only switching `autoRead` off takes it out of epoll.
///
/// It pauses before that already: a server that lets its clients have the last descriptor can open no
/// file itself, and whoever has clients enough decides what it still does.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let registry: ConnectionRegistry
    private var isPaused = false

    init(_ registry: ConnectionRegistry) { self.registry = registry }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.fireChannelRead(data)
        if DescriptorReserve.isTouched { pause(context.channel, EMFILE) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode)
        else {
            return context.fireErrorCaught(error)
        }
        pause(context.channel, error.errnoCode)
    }

    private func pause(_ channel: any Channel, _ errno: CInt) {
        guard !isPaused else { return }
        isPaused = true
        registry.log(.acceptPaused(errno: errno))
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        channel.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(registry.limits.acceptPause)) {
            self.isPaused = false
            if DescriptorReserve.isTouched { return self.pause(channel, EMFILE) }
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}

/// The last descriptors, which are for files and not for connections.
enum DescriptorReserve {
    /// How many connections are accepted before the pause holds, where as many wait.
    static let acceptedAtOnce: UInt = 8

    /// Each takes two, its own and the caller's pidfd: half of it is left at least.
    private static let size: CInt = 32

    /// Whether connections have got as far. The kernel gives out the lowest number that is free (open(2)).
    static var isTouched: Bool {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return false }
        let soft = CInt(clamping: limit.rlim_cur)
        let next = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
        guard next >= 0 else { return errno == EMFILE }
        _ = close(next)
        return next >= soft - min(size, soft / 3)
    }
}
