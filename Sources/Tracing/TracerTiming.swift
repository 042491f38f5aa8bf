/// The tracer's periods.
package struct TracerTiming: Hashable, Sendable {
    /// A full look is forced after so long, so that nothing unseen by statm lasts.
    package var fullLookMicroseconds: Int64 = 10_000_000
    /// A sample is stored after so long even if nothing changed.
    package var sampleMicroseconds: Int64 = 60_000_000
    /// How long a tick waits for its slowest look before it is delivered without it.
    package var patience: Duration = .milliseconds(50)
    /// From when on looks are so dear that they are spread.
    var sparing = LookPace.Rule()

    package init() {}
}
