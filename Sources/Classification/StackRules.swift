import MemoryModel

/// stack: the main thread's, which the kernel grows.
///
/// The kernel names only the area that contains `start_stack`. A program that protects part
/// of its stack cuts it into several, and the others have no name; but nothing else comes
/// to lie directly below or above, because the kernel keeps `stack_guard_gap` (1 MiB) free
/// below a growing stack. So what touches the stack is stack, and where it is inaccessible, guard.
enum StackRules {
    /// Indices of the areas that make up the main thread's stack; empty where it has none
    /// that can be recognised.
    static func areas(_ look: Look) -> Range<Int> {
        guard let core = named(look) ?? containingStart(look) else { return 0..<0 }
        var first = core
        while look.touchesPrevious(first), look.isPlain(look.areas[first - 1]) { first -= 1 }
        var last = core
        while last + 1 < look.areas.count, look.touchesPrevious(last + 1),
            look.isPlain(look.areas[last + 1])
        {
            last += 1
        }
        return first..<(last + 1)
    }

    static func kind(of area: VMA) -> RegionKind {
        area.permissions.isNone ? .guardPages : .stack
    }

    private static func named(_ look: Look) -> Int? {
        // It is nearly the last line.
        look.areas.lastIndex { look.name($0) == .stack && look.isAnonymous($0) }
    }

    private static func containingStart(_ look: Look) -> Int? {
        guard let start = look.evidence.startStack, let index = look.index(containing: start),
            look.isPlain(look.areas[index])
        else { return nil }
        return index
    }
}
