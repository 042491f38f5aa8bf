import Glibc
import NIOCore
import Varlink

/// Stops accepting for a while when there is nothing to accept with.
///
/// After EMFILE the connection stays in the queue and the listening socket stays readable, so
/// an accept loop that goes on takes all of a CPU. NIO's own `AcceptBackoffHandler` delays the
/// next `read`, but a server channel whose `accept` failed still has its read pending and is
/// never asked for another; only switching `autoRead` off takes it out of epoll.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let registry: ConnectionRegistry
    private var isPaused = false

    init(_ registry: ConnectionRegistry) { self.registry = registry }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode)
        else {
            return context.fireErrorCaught(error)
        }
        guard !isPaused else { return }
        isPaused = true
        registry.log(.acceptPaused(errno: error.errnoCode))
        guard let options = context.channel.syncOptions else { return }
        try? options.setOption(.autoRead, value: false)
        let channel = context.channel
        context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(registry.limits.acceptPause)) {
            self.isPaused = false
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}
