/* The bounded ring, its two wait lists and the close: nobody sleeps beside what he waits for.
 *
 *   put                               get                              wait (under the lock)
 *   S1 claim: CAS tail     seq_cst    G1 claim: CAS head    seq_cst    R4 announce: link, count up
 *   S2 publish: stamp      release    G2 release: stamp     release    R5 second look: settle
 *   S3 load getters' count seq_cst    G3 load putters' count seq_cst   R6 park, unless busy
 *   C1 close: set the closed bit inside the tail word, then settle.
 *
 * settle serves the waiters of both lists in order: reserve the claim word, claim a slot (the
 * ticket), complete. The move, S2 or G2 and the unpark are a job that runs after the unlock,
 * followed by S3 or G3 again. A slot is busy while one side has claimed and not yet finished it.
 *
 * What a step may leave out. A claim reads its end of the ring and the stamp before its CAS; the
 * stamp cannot change while that end stands still, so the three are one step here. "Empty" is
 * decided by the load of tail after head, "full" by that of head after tail, which make them true
 * at that load; "busy" only makes the reader look again. close.pml checks this step by step.
 * S2 and G2 are only release: the store may become visible after the load of S3 or G3, so both
 * orders are tried (the store buffer of the strand is flushed before its next RMW).
 *
 * Who has timed out only takes himself off his list: leaving needs no look (R5), because whoever
 * met him reserved has put him back or served him, and stops only at a busy slot.
 *
 * Sizes PUTTERS GETTERS PUTS GETS CAP; CLOSE, TIMEOUTS; EARLY_COUNTS lets S3 and G3 of the jobs
 * load before S2 and G2 are visible. tests/model/check runs:
 *
 * good open:
 * good open: CAP=2 PUTTERS=2 GETTERS=1 PUTS=2 GETS=2
 * good open: PUTTERS=1 GETTERS=2 PUTS=2 EARLY_COUNTS
 * bad open: BAD_ONE_STAMP
 * bad open: BAD_S3_EARLY
 * bad open: BAD_G3_EARLY
 * bad open: BAD_R5_EARLY
 * bad open: BAD_NO_SECOND_LOOK
 * bad open: BAD_PARK_ON_BUSY
 * bad open: BAD_NO_LOOK_AFTER_JOBS
 * bad open: BAD_UNPARK_FIRST
 * bad open: BAD_WAIT_WITH_JOBS
 * good closing: CLOSE PUTTERS=2 GETTERS=1
 * good closing: CLOSE PUTTERS=1 GETTERS=2
 * good closing: CLOSE PUTTERS=1 GETTERS=2 TIMEOUTS PUTS=2
 * bad closing: BAD_CLOSE_NO_SETTLE CLOSE PUTTERS=1
 * bad closing: BAD_CLOSE_LOOKS_EARLY CLOSE PUTTERS=1
 * bad closing: BAD_SERVE_ONE CLOSE PUTTERS=1
 * good leaving: TIMEOUTS
 * good leaving: TIMEOUTS CLOSE PUTTERS=2 GETTERS=1 EARLY_COUNTS
 * bad leaving: BAD_COUNT_EARLY TIMEOUTS GETTERS=1
 * bad leaving: BAD_NO_RESERVE TIMEOUTS GETTERS=1
 */
#ifndef CAP
#define CAP 1
#endif
#ifndef PUTTERS
#define PUTTERS 2
#endif
#ifndef GETTERS
#define GETTERS 2
#endif
#ifndef PUTS
#define PUTS 1
#endif
#ifndef GETS
#define GETS 1
#endif
#ifdef CLOSE
#define STRANDS (PUTTERS + GETTERS + 1)
#else
#define STRANDS (PUTTERS + GETTERS)
#endif
#define WAITERS (PUTTERS + GETTERS)

/* Stamps: two values a lap, so that "published" differs from "free" at capacity 1 too. */
#define SLOT(t) ((t) % CAP)
#ifdef BAD_ONE_STAMP
#define FREE(t) (t)
#define FULL(t) ((t) + 1)
#else
#define FREE(t) (2 * ((t) / CAP))
#define FULL(t) (2 * ((t) / CAP) + 1)
#endif

/* What a look at the ring says. */
#define CLAIMED 1
#define NOTHING 2 /* exactly empty, exactly full */
#define BUSY 3
#define CLOSED 4 /* a put: closed; a get: closed and drained */

/* The claim word of a waiter; LEFT: its frame is gone. */
#define LEFT 0
#define WAITING 1
#define RESERVED 2
#define COMPLETED 3
#define ENDED 4 /* closed */
#define TIMED_OUT 5

#define NO_JOB 0
#define JOB_WAKE 1
#define JOB_PUT 2
#define JOB_GET 3

/* How a strand enters the lock. */
#define PASS 0 /* S3 or G3 saw somebody */
#define ANNOUNCE 1
#define LOOK_AGAIN 2
#define WITHDRAW 3
#define SHUT 4

#define PUTTER 0
#define GETTER 1
#define CLOSER 2

byte head, tail;
bool closed; /* a bit of tail: always read and written together with it */
byte stamp[CAP];
byte cell[CAP]; /* 0 or 1 + the ticket of the item in it */

bool locked;
chan putters = [PUTTERS] of { byte };
chan getters = [GETTERS] of { byte };
byte waiting_putters, waiting_getters; /* the counts that S3 and G3 load */
byte claim[STRANDS];
byte ticket[WAITERS];
byte job[WAITERS];
byte server[WAITERS]; /* 1 + who runs the job */
bool notified[WAITERS], parked[WAITERS];

bool putter_moved, getter_moved; /* strands of one side are alike: the first has the first number */
bool told_drained;
byte at_rest; /* strands that have ended or are parked for good unless somebody wakes them */

/* I4, when nobody runs any more. */
inline rest() {
  at_rest++;
  if
  :: at_rest == STRANDS ->
    assert(!locked);
    assert(len(getters) == waiting_getters && len(putters) == waiting_putters);
    assert(waiting_getters == 0 || (head == tail && !closed));
    assert(waiting_putters == 0 || (tail - head == CAP && !closed));
    assert(head == tail || stamp[SLOT(head)] == FULL(head));
  :: else
  fi
}

/* S1. Sets `seen`; a claim sets `t`. */
inline put_look() {
  if
  :: closed -> seen = CLOSED
  :: else ->
    if
    :: stamp[SLOT(tail)] == FREE(tail) ->
      assert(!told_drained);
      t = tail;
      tail++;
      assert(tail - head <= CAP);
      seen = CLAIMED
    :: else -> seen = (tail - head == CAP -> NOTHING : BUSY)
    fi
  fi
}

/* G1. */
inline get_look() {
  if
  :: stamp[SLOT(head)] == FULL(head) ->
    t = head;
    head++;
    assert(head <= tail);
    seen = CLAIMED
  :: else -> seen = (head != tail -> BUSY : (closed -> CLOSED : NOTHING))
  fi
}

/* Move in and S2; move out and G2. */
inline publish(k) {
  assert(cell[SLOT(k)] == 0);
  cell[SLOT(k)] = k + 1;
  stamp[SLOT(k)] = FULL(k)
}
inline release(k) {
  assert(cell[SLOT(k)] == k + 1);
  cell[SLOT(k)] = 0;
  stamp[SLOT(k)] = FREE(k + CAP)
}

inline give_job(what) {
  job[w] = what;
  server[w] = me + 1
}

inline unpark() {
  assert(claim[w] == COMPLETED || claim[w] == ENDED);
  assert(!notified[w]);
  server[w] = 0;
  notified[w] = true;
  if
  :: parked[w] -> at_rest--
  :: else
  fi
}

/* The busy slot is finished, or somebody has served us. Only a hint: the look that counts is the
 * one under the lock that follows, since a claim word that is reserved may be put back. */
#define NOT_BUSY \
  (claim[me] != WAITING || \
   (role == PUTTER && (closed || tail - head == CAP || stamp[SLOT(tail)] == FREE(tail))) || \
   (role == GETTER && (head == tail || stamp[SLOT(head)] == FULL(head))))

/* Where a timer may act between two steps of a server they are two; else nobody can tell. */
#if defined(TIMEOUTS) || defined(BAD_COUNT_EARLY)
#define NEXT_STEP } atomic {
#else
#define NEXT_STEP
#endif
#ifdef BAD_COUNT_EARLY
#define EARLY(x) x
#define LATE(x)
#else
#define EARLY(x)
#define LATE(x) x
#endif
#ifdef BAD_NO_RESERVE
#define RESERVE
#define STILL_OURS (claim[w] == WAITING)
#else
#define RESERVE claim[w] = RESERVED
#define STILL_OURS true
#endif
#ifdef BAD_SERVE_ONE
#define GO_ON false
#else
#define GO_ON (seen == CLAIMED || seen == CLOSED)
#endif
#if defined(BAD_R5_EARLY)
#define SKIP_LOOK (mode == ANNOUNCE && looked)
#elif defined(BAD_NO_SECOND_LOOK)
#define SKIP_LOOK (mode == ANNOUNCE)
#elif defined(BAD_CLOSE_NO_SETTLE)
#define SKIP_LOOK (mode == SHUT)
#else
#define SKIP_LOOK false
#endif
#ifdef BAD_PARK_ON_BUSY
#define MUST_LOOK_AGAIN false
#else
#define MUST_LOOK_AGAIN (my_side_busy && claim[me] == WAITING)
#endif
#if defined(BAD_NO_LOOK_AFTER_JOBS)
#define SEEN_AFTER_JOBS false
#elif defined(EARLY_COUNTS)
#define SEEN_AFTER_JOBS \
  ((published && (early -> early_getters : waiting_getters > 0)) || \
   (released && (early -> early_putters : waiting_putters > 0)))
#else
#define SEEN_AFTER_JOBS ((published && waiting_getters > 0) || (released && waiting_putters > 0))
#endif

/* The front waiter of a list: reserve, look, complete. `seen` is CLAIMED or CLOSED if it has been
 * dealt with. The count falls only now, in the step that completes or after it. */
inline reserve_front(list, count) {
  list?<w>;
  if
  :: claim[w] != WAITING -> /* timed out: it will find itself unlinked */
    list?w;
    count--;
    seen = CLAIMED
  :: else ->
    RESERVE;
    EARLY(count--)
  fi
}
inline finish_front(list, count, what) {
  if
  :: seen == CLAIMED && STILL_OURS -> claim[w] = COMPLETED; ticket[w] = t; give_job(what)
  :: seen == CLOSED && STILL_OURS -> claim[w] = ENDED; give_job(JOB_WAKE)
  :: else ->
    assert(seen != CLAIMED); /* a slot without a taker: an item is lost */
    claim[w] = WAITING;
    EARLY(count++)
  fi;
  if
  :: seen == CLAIMED || seen == CLOSED -> list?w; LATE(count--)
  :: else
  fi
}

/* R4 for either side. */
inline enlist() {
  if
  :: role == PUTTER -> putters!me; waiting_putters++
  :: role == GETTER -> getters!me; waiting_getters++
  fi;
  claim[me] = WAITING
}

inline unlink() {
  if
  :: role == PUTTER && putters??[eval(me)] -> putters??eval(me); waiting_putters--
  :: role == GETTER && getters??[eval(me)] -> getters??eval(me); waiting_getters--
  :: else /* a server met it after its end */
  fi
}

#if defined(BAD_S3_EARLY) || defined(BAD_G3_EARLY) || defined(BAD_R5_EARLY)
#define LOOKED
#endif

proctype strand(byte me, role, left) {
  byte seen, t, w, mode;
  bool my_side_busy, published, released, stay;
#ifdef LOOKED
  bool looked;
#endif
#ifdef EARLY_COUNTS /* S3 and G3 of the jobs may load before S2 and G2 are visible, too */
  bool early, early_getters, early_putters;
#endif

next:
  atomic {
    if
    :: left == 0 -> goto ended
    :: left > 0 && role == PUTTER -> left--; goto put
    :: left > 0 && role == GETTER -> left--; goto get
    :: left > 0 && role == CLOSER -> left--; mode = SHUT; goto slow
    fi
  };

put:
#ifdef BAD_S3_EARLY
  looked = waiting_getters > 0;
#endif
  atomic { /* S1 */
    me == 0 || putter_moved;
    putter_moved = true;
    put_look();
    if
    :: seen == CLAIMED -> seen = 0
    :: seen == CLOSED -> seen = 0; left = 0; goto ended
    :: else -> seen = 0; mode = ANNOUNCE; goto slow
    fi
  };
#ifdef BAD_S3_EARLY
  atomic { publish(t); t = 0; seen = looked; looked = false };
#else
  if
  :: atomic { publish(t); t = 0 }; /* S2 */
    seen = waiting_getters > 0 /* S3 */
  :: seen = waiting_getters > 0; /* S3 */
    atomic { publish(t); t = 0 } /* S2, late */
  fi;
#endif
  atomic {
    if
    :: seen -> seen = 0; mode = PASS; goto slow
    :: else -> goto next
    fi
  };

get:
#ifdef BAD_G3_EARLY
  looked = waiting_putters > 0;
#endif
  atomic { /* G1 */
    me == PUTTERS || getter_moved;
    getter_moved = true;
    get_look();
    if
    :: seen == CLAIMED -> seen = 0
    :: seen == CLOSED -> told_drained = true; seen = 0; left = 0; goto ended
    :: else -> seen = 0; mode = ANNOUNCE; goto slow
    fi
  };
#ifdef BAD_G3_EARLY
  atomic { release(t); t = 0; seen = looked; looked = false };
#else
  if
  :: atomic { release(t); t = 0 }; /* G2 */
    seen = waiting_putters > 0 /* G3 */
  :: seen = waiting_putters > 0; /* G3 */
    atomic { release(t); t = 0 } /* G2, late */
  fi;
#endif
  atomic {
    if
    :: seen -> seen = 0; mode = PASS; goto slow
    :: else -> goto next
    fi
  };

slow: /* lock, do what `mode` says, settle, unlock, jobs; as often as it takes */
  skip;
#ifdef BAD_R5_EARLY
  looked = (role == PUTTER -> tail - head == CAP : head == tail) && !closed;
#endif
#ifdef BAD_CLOSE_LOOKS_EARLY
  if
  :: mode == SHUT ->
    seen = waiting_putters > 0 || waiting_getters > 0;
    atomic {
      closed = true;
      if
      :: seen -> seen = 0; mode = PASS
      :: else -> goto ended
      fi
    }
  :: else
  fi;
#endif
  atomic {
    !locked -> locked = true;
    if
    :: mode == ANNOUNCE -> enlist() /* R4 */
    :: mode == WITHDRAW -> unlink()
    :: mode == SHUT -> closed = true /* C1 */
    :: else
    fi;
    if
    :: mode == WITHDRAW || (SKIP_LOOK) -> goto unlock
    :: else
    fi
  };

settle_getters: /* R5. A server stops at a busy slot: its owner has S3 or G3 still before it */
  skip;
  atomic {
    if
    :: empty(getters) -> goto settle_putters
    :: nempty(getters)
    fi;
    reserve_front(getters, waiting_getters);
    NEXT_STEP
    if
    :: seen == CLAIMED
    :: else -> get_look(); finish_front(getters, waiting_getters, JOB_GET)
    fi;
    w = 0;
    t = 0;
    if
    :: GO_ON -> seen = 0; goto settle_getters
    :: else -> my_side_busy = (role == GETTER && seen == BUSY); seen = 0
    fi
  };

settle_putters_next:
  skip;
settle_putters:
  atomic {
    if
    :: empty(putters) -> goto unlock
    :: nempty(putters)
    fi;
    reserve_front(putters, waiting_putters);
    NEXT_STEP
    if
    :: seen == CLAIMED
    :: else -> put_look(); finish_front(putters, waiting_putters, JOB_PUT)
    fi;
    w = 0;
    t = 0;
    if
    :: GO_ON -> seen = 0; goto settle_putters_next
    :: else -> my_side_busy = my_side_busy || (role == PUTTER && seen == BUSY); seen = 0
    fi;
    goto unlock
  };

unlock: /* one step with the last look: only who wants the lock can tell */
  atomic {
    stay = (mode == ANNOUNCE || mode == LOOK_AGAIN) && MUST_LOOK_AGAIN;
    my_side_busy = false;
    mode = PASS;
#ifdef LOOKED
    looked = false;
#endif
    locked = false;
#ifdef EARLY_COUNTS
    if
    :: early = true; early_getters = waiting_getters > 0; early_putters = waiting_putters > 0
    :: early = false
    fi;
#endif
#ifdef BAD_WAIT_WITH_JOBS
    if
    :: stay -> goto wait_with_jobs
    :: else
    fi;
#endif
    goto jobs
  };
#ifdef BAD_WAIT_WITH_JOBS
wait_with_jobs:
  atomic { NOT_BUSY; goto jobs };
#endif

jobs: /* the move, S2 or G2, the unpark */
  atomic {
    do
    :: w < WAITERS && server[w] != me + 1 -> w++
    :: else -> break
    od;
    if
    :: w == WAITERS && !published && !released -> w = 0; goto jobs_done
    :: w == WAITERS && (published || released) -> w = 0; goto look_after_jobs
    :: else
    fi
  };
#ifdef BAD_UNPARK_FIRST
  atomic { unpark() };
#endif
  atomic {
    assert(claim[w] != LEFT); /* the waiter's frame is there until its unpark */
    if
    :: job[w] == JOB_PUT -> publish(ticket[w]); published = true
    :: job[w] == JOB_GET -> release(ticket[w]); released = true
    :: else
    fi;
    job[w] = NO_JOB;
    ticket[w] = 0
  };
  atomic {
#ifndef BAD_UNPARK_FIRST
    unpark();
#endif
    w = 0;
    goto jobs
  };

look_after_jobs: /* S3 and G3 of the jobs */
  skip;
jobs_done:
  atomic {
    seen = SEEN_AFTER_JOBS;
#ifdef EARLY_COUNTS
    early = false;
    early_getters = false;
    early_putters = false;
#endif
    published = false;
    released = false;
    if
    :: seen -> seen = 0; mode = (stay -> LOOK_AGAIN : PASS); stay = false; goto slow
    :: !seen && !stay && claim[me] == LEFT -> goto next
    :: !seen && !stay && claim[me] == TIMED_OUT -> claim[me] = LEFT; goto next
    :: !seen && !stay && claim[me] != LEFT && claim[me] != TIMED_OUT -> goto park
    :: else
    fi
  };
  atomic { /* never with jobs in hand: the busy slot may be our own job's */
    NOT_BUSY;
    mode = LOOK_AGAIN;
    stay = false;
    goto slow
  };

park: /* R6 */
  atomic {
    if
    :: notified[me]
    :: else -> parked[me] = true; rest()
    fi
  };
end_parked:
  if
  :: atomic { notified[me] -> notified[me] = false; parked[me] = false }
#ifdef TIMEOUTS
  :: atomic {
      claim[me] == WAITING -> claim[me] = TIMED_OUT;
      parked[me] = false;
      at_rest--;
      mode = WITHDRAW;
      goto slow
    }
#endif
  fi;
  atomic {
    assert((claim[me] == COMPLETED || claim[me] == ENDED) && server[me] == 0);
    if
    :: claim[me] == ENDED -> left = 0; told_drained = told_drained || role == GETTER
    :: else
    fi;
    claim[me] = LEFT;
    goto next
  };

ended:
  atomic { rest() }
}

init {
  atomic {
    byte i = 0;
    do
    :: i < CAP -> stamp[i] = FREE(i); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < PUTTERS -> run strand(i, PUTTER, PUTS); i++
    :: i >= PUTTERS && i < WAITERS -> run strand(i, GETTER, GETS); i++
    :: else -> break
    od;
    i = 0;
#ifdef CLOSE
    run strand(WAITERS, CLOSER, 1)
#endif
  }
}
