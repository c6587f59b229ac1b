#pragma once
// What Swift's Glibc module leaves out.
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

static inline int med_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int med_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

// prctl is variadic.
static inline void med_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

// For the calling thread and those that it starts.
static inline void med_block_sigpipe(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}
