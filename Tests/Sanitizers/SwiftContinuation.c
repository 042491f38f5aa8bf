// What the thread sanitizer does not see of a continuation that is resumed early, told to it.
//
// Who resumes a continuation says so of its task (_swift_tsan_release in libswift_Concurrency), and a task that is
// woken by it says that it comes after. A task that was resumed before it came to wait goes straight on and says
// nothing, so that all that the other thread made and handed over would be reported. That takes a busy machine: the
// other thread is done before the first one has left withCheckedContinuation's body.
//
// libswift_Concurrency calls its own functions directly, so that none of them can be stood in for. But when a call of
// such a function is over, the caller frees its frame, by swift_task_dealloc and before it touches the result: there
// it comes after whatever was said of its task. scripts/sanitize.sh links this into every program in front of the
// library. Only for the thread sanitizer; needs clang, for Swift's calling convention.
#include "RealFunction.h"

#define SWIFT __attribute__((swiftcall))

void __tsan_acquire(void *);

static SWIFT void (*realDeallocate)(void *);
static SWIFT void *(*currentTask)(void);

__attribute__((constructor)) static void findThem(void) {
    realDeallocate = (SWIFT void (*)(void *))realFunction("swift_task_dealloc");
    currentTask = (SWIFT void *(*)(void))realFunction("swift_task_getCurrent");
}

SWIFT void swift_task_dealloc(void *frame) {
    realDeallocate(frame);
    __tsan_acquire(currentTask());
}
