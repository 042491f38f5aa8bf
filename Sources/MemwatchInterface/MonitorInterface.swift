import Varlink

/// `org.memwatch.Monitor`: what the daemon can be asked, by anybody's Varlink client.
///
/// The text is what `GetInterfaceDescription` answers and what the server checks calls against;
/// docs/varlink.md explains it with examples.
package enum MonitorInterface {
    package static let name = "org.memwatch.Monitor"

    /// The full name of a method: `org.memwatch.Monitor.List`.
    package static func method(_ method: Method) -> String { name + "." + method.rawValue }

    package enum Method: String, Sendable, CaseIterable {
        case attach = "Attach"
        case detach = "Detach"
        case list = "List"
        case regions = "Regions"
        case history = "History"
        case events = "Events"
        case diff = "Diff"
        case watch = "Watch"
        case status = "Status"
    }

    package static let description = """
        # Where a process's memory comes from, and when it came.
        #
        # Sizes are bytes. Times are RFC 3339 in UTC with microseconds; parameters also take
        # "@SECONDS", "-15m" and "now". Durations are "250ms", "1s", "5m", "2h", "1d".
        # A field that could not be read is null, never 0.
        interface org.memwatch.Monitor

        # One stretch of address space. start and end are hexadecimal ("0x7f…"), end is the
        # first address behind. kind and origin are the words of the documentation; path is the
        # name maps shows, tid the thread whose stack it is, resident is only there on request.
        type Region (
          start: string,
          end: string,
          size: int,
          perms: string,
          offset: int,
          device: string,
          inode: int,
          kind: string,
          origin: string,
          path: ?string,
          tid: ?int,
          resident: ?int
        )

        # What one look found. kinds has every kind with its bytes; they add up to vm_size.
        # stack_limit is -1 where there is none. consistent is false where the process
        # changed faster than the look, or was too large for it. pid, program_break and
        # stack_limit are null where a whole unit is added up.
        type Sample (
          time: string,
          pid: ?int,
          vm_size: ?int,
          rss: ?int,
          rss_anon: ?int,
          rss_file: ?int,
          rss_shmem: ?int,
          swap: ?int,
          page_tables: ?int,
          threads: ?int,
          regions: ?int,
          program_break: ?string,
          stack_limit: ?int,
          kinds: ?[string]int,
          consistent: bool
        )

        # One change. delta is signed; between two samples the deltas of a kind add up to the
        # change of that kind's bytes. start and end are the range that changed. source is "perf"
        # (the kernel said so, with the exact time and thread) or "sample" (seen by comparing two
        # looks). count is there where the event stands for several changes, or for a gap's lost
        # records; child where it is a fork; cleared (true) where an alert is over, whose path is the
        # threshold or how fast it grows.
        type Event (
          time: string,
          pid: int,
          comm: string,
          event: string,
          kind: ?string,
          delta: ?int,
          size: ?int,
          start: ?string,
          end: ?string,
          perms: ?string,
          path: ?string,
          tid: ?int,
          source: string,
          count: ?int,
          child: ?int,
          cleared: ?bool
        )

        # One difference between the region maps of two instants. change is "appeared", "vanished",
        # "grew", "shrank" or "protected". start and end are the range that changed, size is the
        # region's afterwards (0 where it vanished), perms are those afterwards (or the last), and
        # perms_before is there where they changed. The deltas of a kind add up to its total's.
        type Change (
          change: string,
          kind: string,
          origin: string,
          delta: int,
          size: int,
          start: string,
          end: string,
          perms: string,
          perms_before: ?string,
          path: ?string,
          tid: ?int
        )

        # The bytes of one kind at two instants.
        type KindChange (before: int, after: int, delta: int)

        # One process. interval and event_source are null for one that is gone; event_source is
        # "perf" or "sampling". state is running, exited, zombie, kernel-thread or denied.
        type Target (
          pid: int,
          comm: string,
          exe: ?string,
          uid: ?int,
          unit: ?string,
          started: ?string,
          attached: string,
          interval: ?string,
          state: string,
          event_source: ?string,
          rule: ?string
        )

        # A target as it is at one moment, with the last look at it.
        type Watched (target: Target, sample: ?Sample)

        # A rule adopts processes as they appear: "comm:python*", "unit:nginx.service".
        # origin is "configuration" or "client"; targets counts the processes it holds now, and
        # vm_size and rss add up what the last look found of them.
        type Rule (
          rule: string,
          interval: string,
          children: bool,
          origin: string,
          targets: int,
          vm_size: ?int,
          rss: ?int
        )

        # Watches one process by pid, or adds a rule. Exactly one of pid, unit, cgroup, comm.
        method Attach(
          pid: ?int,
          unit: ?string,
          cgroup: ?string,
          comm: ?string,
          interval: ?string,
          children: ?bool
        ) -> (target: ?Target, rule: ?Rule)

        # Ends watching; the history stays. One of pid, rule, all.
        method Detach(pid: ?int, rule: ?string, all: ?bool) -> (detached: int)

        # all: also processes that are gone but have a history. event_source_reason says why
        # targets that are sampled have no kernel events.
        method List(all: ?bool) -> (
          targets: []Target,
          rules: []Rule,
          event_source_reason: ?string
        )

        # The region map now, or at an instant of the history. start picks one of several
        # processes that had the pid, by when it started. With more, in parts.
        method Regions(
          pid: int,
          at: ?string,
          start: ?string,
          kinds: ?[]string,
          resident: ?bool
        ) -> (time: string, consistent: bool, truncated: bool, regions: []Region)

        # Samples in order of time, of one process or, with unit in place of pid, of all that
        # belong or belonged to that unit, added up. step resamples evenly, each step carrying
        # the last value known. With more, in parts; without, at most 10,000, and truncated says
        # if there is more.
        method History(
          pid: ?int,
          unit: ?string,
          start: ?string,
          since: ?string,
          until: ?string,
          step: ?string,
          kinds: ?[]string
        ) -> (samples: []Sample, truncated: bool)

        # Events in order of time, of one process, of all of one unit, or of all. With more, in
        # parts; with follow (and more) it goes on with what happens.
        method Events(
          pid: ?int,
          unit: ?string,
          start: ?string,
          since: ?string,
          until: ?string,
          events: ?[]string,
          follow: ?bool
        ) -> (events: []Event, truncated: bool)

        # What changed between two instants of the history: how the map of the first became that
        # of the second. from and to are the times of the looks that were compared: the last at
        # or before those asked for. With more, in parts; without, at most 10,000 changes, and
        # truncated says if there are more; kinds counts them all.
        method Diff(
          pid: int,
          from: string,
          to: string,
          start: ?string
        ) -> (
          from: string,
          to: string,
          kinds: [string]KindChange,
          changes: []Change,
          truncated: bool
        )

        # The targets of these pids (all that the caller may see without them) as they are now, and
        # the events since the answer before (none in the first). With more it goes on, an answer
        # each interval (1s where none is named), until the caller hangs up or all that were named
        # are gone: those that end are answered once as exited.
        method Watch(pids: ?[]int, interval: ?string) -> (
          time: string,
          watched: []Watched,
          events: []Event
        )

        # How the daemon is: what it watches, how, what it dropped, what its history takes.
        # event_source is "perf", "sampling" or "mixed". records_lost counts what the kernel
        # dropped because a ring was full, gaps the events that say so; summarised the targets
        # that change too fast now for an event each. capabilities are those that the daemon
        # holds now, as "CAP_PERFMON", and capabilities_reason a sentence that says why.
        method Status() -> (
          version: string,
          pid: int,
          uid: int,
          capabilities: []string,
          capabilities_reason: string,
          started: string,
          targets: int,
          rules: int,
          event_source: string,
          event_source_reason: ?string,
          kernel_records: int,
          records_lost: int,
          gaps: int,
          forks_dropped: int,
          summarised: int,
          ticks: int,
          late_ticks: int,
          looks: int,
          inconsistent_looks: int,
          last_tick: ?string,
          lag_us: ?int,
          history_path: string,
          history_bytes: ?int,
          history_free_bytes: ?int,
          history_oldest: ?string,
          history_error: ?string,
          journal_sent: int,
          journal_dropped: int
        )

        # There is no such process, or none of that pid or unit has a history. pid is null where
        # a unit was asked for.
        error NoSuchProcess (pid: ?int, reason: string)
        # The caller could not read this process itself.
        error PermissionDenied (pid: ?int, reason: string)
        # The process is there, but is not watched.
        error NotAttached (pid: ?int, reason: string)
        # A kernel thread or zombie: it has no memory of its own.
        error NoMemory (pid: int, state: string)
        # A time could not be read, or since is after until, or from after to.
        error InvalidTime (value: string, reason: string)
        # A parameter has a value that makes no sense.
        error InvalidValue (parameter: string, reason: string)
        # The caller, or everybody together, has as many targets as there may be.
        error TooManyTargets (limit: int)
        # The caller has as many calls with more under way as it may.
        error TooManyStreams (limit: int)
        # The history cannot be read or written now.
        error HistoryUnavailable (reason: string)
        """
}
