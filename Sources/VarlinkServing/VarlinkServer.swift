import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Varlink

/// Answers Varlink calls on Unix sockets.
///
/// One thread does all the waiting, reading and writing; handlers run on Swift's own pool.
/// Whatever one connection does, the others do not notice: see ``VarlinkLimits``.
package struct VarlinkServer: Sendable {
    private let router: CallRouter
    private let limits: VarlinkLimits
    private let log: @Sendable (VarlinkServerEvent) -> Void

    /// - Parameter services: The interfaces offered beside `org.varlink.service`.
    /// - Throws: Where a description does not parse or two services have one name.
    package init(
        info: ServiceInfo, services: [any VarlinkService], limits: VarlinkLimits = VarlinkLimits(),
        log: @escaping @Sendable (VarlinkServerEvent) -> Void = { _ in }
    ) throws(VarlinkServerError) {
        router = try CallRouter(info: info, services: services)
        self.limits = limits
        self.log = log
    }

    /// Serves until the task is cancelled; then accepts nobody any more, lets the calls in
    /// progress end for up to ``VarlinkLimits/stopDeadline``, ends streams, and closes.
    ///
    /// The listeners are closed when it returns, and the socket files that were bound removed.
    package func run(listening listeners: [VarlinkListener]) async throws {
        defer { for listener in listeners { listener.close() } }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let registry = ConnectionRegistry(router: router, limits: limits, eventLoop: eventLoop, log: log)
        let (failures, listening) = AsyncStream.makeStream(of: VarlinkServerError.self)
        var channels: [any Channel] = []
        var failure: (any Error)?
        do {
            for listener in listeners {
                let channel = try await accept(from: listener, on: group, into: registry)
                channels.append(channel)
                channel.closeFuture.whenComplete { _ in
                    listening.yield(.listenerFailed(listener.path ?? "adopted"))
                }
            }
            // Ends without an element when the task is cancelled.
            for await reason in failures {
                failure = reason
                break
            }
        } catch {
            failure = error
        }
        for channel in channels { try? await channel.close() }
        try? await eventLoop.flatSubmit { registry.stop() }.get()
        try? await group.shutdownGracefully()
        if let failure { throw failure }
    }

    private func accept(
        from listener: VarlinkListener, on group: MultiThreadedEventLoopGroup,
        into registry: ConnectionRegistry
    ) async throws -> any Channel {
        // NIO owns and closes the descriptor it is given, also when it fails; the listener keeps its own.
        let descriptor = fcntl(listener.descriptor, F_DUPFD_CLOEXEC, 3)
        guard descriptor >= 0 else { throw SystemCallError("fcntl F_DUPFD_CLOEXEC") }
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.maxMessagesPerRead, value: DescriptorReserve.acceptedAtOnce)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(registry))
                }
            }
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try registry.admit(channel) }
            }
            .withBoundSocket(descriptor)
            .get()
        // NIO has called listen with a queue of 128; calling it again makes the queue longer.
        _ = listen(listener.descriptor, limits.backlog)
        return channel
    }
}
