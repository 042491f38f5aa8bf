/// What strangers at a socket may cost the server.
///
/// With the defaults a connection holds at most one frame being received, one call being
/// answered and one reply that its peer has not taken; a user holds 64 such connections and
/// 32 MiB of untaken replies.
package struct VarlinkLimits: Sendable {
    /// The longest call, without its NUL. Ours are a few hundred bytes, the longest pattern or cgroup a few
    /// thousand; as values JSON may take twenty times its length, on each of a user's connections.
    package var maximumFrameBytes = 64 << 10
    /// Of calls longer than this each user has one read at a time: the threads that read them are few, and 64 that
    /// come together would keep other users' calls from being read.
    package var longFrameBytes = 4 << 10
    /// The longest reply a handler may send.
    package var maximumReplyBytes = 16 << 20
    /// How deeply a call's JSON may nest.
    package var maximumDepth = 64
    /// All connections together.
    package var connections = 256
    /// So many more are kept for root, so that an administrator can still ask what is going on
    /// when other users have taken all ``connections``.
    package var connectionsReservedForRoot = 8
    /// Connections of one uid, root's too.
    package var connectionsPerUser = 64
    /// Replies of all of one uid's connections that the kernel has not taken yet.
    package var outgoingBytesPerUser = 32 << 20
    /// From the first byte of a call to its NUL.
    package var frameDeadline: Duration = .seconds(30)
    /// Without any call.
    package var idleDeadline: Duration = .seconds(600)
    /// For a reader to take 64 KiB of a reply.
    package var slowReaderDeadline: Duration = .seconds(30)
    /// How long calls in progress may go on once the server stops. Streams end at once.
    package var stopDeadline: Duration = .seconds(2)
    /// How long accepting pauses when descriptors or memory have run out.
    package var acceptPause: Duration = .milliseconds(200)
    /// Connections the kernel keeps waiting for `accept` (it takes the lower of this and
    /// `/proc/sys/net/core/somaxconn`); the next one's `connect` gets EAGAIN or waits.
    package var backlog: Int32 = 1024

    package init() {}
}
