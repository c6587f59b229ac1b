#pragma once
#include <hiredis/hiredis.h>

/* The arrays of a reply are allocated by their announced length: a bound on all elements of one reply together. */
typedef struct {
  redisReplyObjectFunctions functions;
  const redisReplyObjectFunctions *originals;
  size_t elements; /* that the reply under way may still have */
} med_reply_limit;

/* hiredis 1.0 widened the length. */
#if HIREDIS_MAJOR >= 1
typedef size_t med_array_length;
#else
typedef int med_array_length;
#endif

static void *med_create_array(const redisReadTask *task, med_array_length length) {
  med_reply_limit *limit = (med_reply_limit *)task->privdata;
  if ((size_t)length > limit->elements) return 0;
  limit->elements -= (size_t)length;
  return limit->originals->createArray(task, length);
}

/* `limit` must outlive the reader. */
static inline void med_limit_replies(redisReader *reader, med_reply_limit *limit) {
  limit->originals = reader->fn;
  limit->functions = *reader->fn;
  limit->functions.createArray = med_create_array;
  reader->fn = &limit->functions;
  reader->privdata = limit;
}

/* Arrays are tuples in Swift. */
static inline const char *med_connection_error(const redisContext *context) { return context->errstr; }
static inline const char *med_reader_error(const redisReader *reader) { return reader->errstr; }
