// What the thread sanitizer does not see of Synchronization.Mutex, told to it.
//
// An uncontended lock is an atomic operation in the code that locks, and that code is instrumented. A contended one
// is handed over by the kernel (FUTEX_LOCK_PI), asked for in libswiftSynchronization, which is not: without this
// every mutex that two threads wanted at once would be reported. scripts/sanitize.sh links it into every program in
// front of the library. Only for the thread sanitizer; needs clang, for Swift's calling convention.
#include "RealFunction.h"

#include <stdbool.h>
#include <stdint.h>

#define MUTEX "$s15Synchronization12_MutexHandleV"
#define SELF __attribute__((swift_context)) void *self
#define SWIFT __attribute__((swiftcall))

void __tsan_acquire(void *);
void __tsan_release(void *);

static SWIFT void (*realLock)(uint32_t, SELF);
static SWIFT bool (*realTryLock)(SELF);
static SWIFT void (*realUnlock)(SELF);

__attribute__((constructor)) static void findThem(void) {
    realLock = (SWIFT void (*)(uint32_t, SELF))realFunction(MUTEX "9_lockSlowyys6UInt32VF");
    realTryLock = (SWIFT bool (*)(SELF))realFunction(MUTEX "12_tryLockSlowSbyF");
    realUnlock = (SWIFT void (*)(SELF))realFunction(MUTEX "11_unlockSlowyyF");
}

// _MutexHandle._lockSlow(_: UInt32)
SWIFT void lockSlow(uint32_t thread, SELF) __asm__(MUTEX "9_lockSlowyys6UInt32VF");
SWIFT void lockSlow(uint32_t thread, SELF) {
    realLock(thread, self);
    __tsan_acquire(self);
}

// _MutexHandle._tryLockSlow() -> Bool
SWIFT bool tryLockSlow(SELF) __asm__(MUTEX "12_tryLockSlowSbyF");
SWIFT bool tryLockSlow(SELF) {
    bool locked = realTryLock(self);
    if (locked) __tsan_acquire(self);
    return locked;
}

// _MutexHandle._unlockSlow()
SWIFT void unlockSlow(SELF) __asm__(MUTEX "11_unlockSlowyyF");
SWIFT void unlockSlow(SELF) {
    // Before: the next one may have it as soon as the kernel is asked.
    __tsan_release(self);
    realUnlock(self);
}
