/* The end of a task: it is deleted once and not touched later, and nobody waits for it in vain.
 *
 *   finisher                                  who holds the handle
 *   nobody waits, one CAS: T1 done and        join, under the lock: done: return; else
 *     T2 released together                      J1 set `waited` (RMW), link; done meanwhile: unlink
 *   somebody waits: T1 set done; lock,          unlock, park; late: lock, unlink if linked
 *     take all joiners off and claim them,    K1 set stop; the attention that it raised is lowered
 *     unlock, unpark each; T2 set released      by whoever comes second of T1 and K1
 *                                             T3 set detached, when all of these have returned
 *
 * All are bits of one word. Whoever sets the second of released and detached reports an error that
 * nobody has taken, and deletes. A finisher that finds detached before T1 reports at once: its fiber
 * still counts, so the handler may wait. A joiner takes the error only after he has seen done.
 *
 * -DTAKES: a joiner that has seen the end takes the error. -DFAILS: there is one.
 *
 * good all: FAILS
 * good all: FAILS TAKES
 * good all: JOINERS=3
 * good all: JOINERS=1 FAILS
 * bad all: BAD_DONE_AND_RELEASED_TOGETHER
 * bad all: BAD_RELEASE_BEFORE_UNLOCK
 * bad all: BAD_CAS_NOT_RMW
 * bad all: BAD_LOOK_BEFORE_LINK
 * bad all: BAD_WAITED_NOT_LOOKED_AT
 * bad all: BAD_NO_UNLINK
 * bad all: BAD_LOSER_LEAVES
 * bad all: BAD_CLAIM_AFTER_UNLOCK
 * bad all: BAD_DELETE_BY_FINISHER
 * bad all: BAD_DETACH_NOT_RMW
 * bad all: BAD_REPORT_AT_DONE FAILS TAKES
 * bad all: BAD_REPORT_TWICE JOINERS=1 FAILS
 * bad all: BAD_STOP_LOOKS_FIRST
 */
#ifndef JOINERS
#define JOINERS 2
#endif
#ifdef FAILS
#define ERROR true
#else
#define ERROR false
#endif

#define WAITING 0
#define COMPLETED 1
#define TIMED_OUT 2

/* The word. */
bool done, released, detached, waited, stop;

bool deleted, locked, error, taken;
byte reports, attention;
bool linked[JOINERS];
bool frame[JOINERS]; /* the waiter of that joiner is on its stack */
byte claim[JOINERS];
bool notified[JOINERS];
byte holders = JOINERS + 1; /* who still uses the handle */

#define TOUCH assert(!deleted)

inline lock() { atomic { !locked -> TOUCH; locked = true } }
inline unlock() { atomic { TOUCH; locked = false } }

inline report_and_delete() {
  atomic {
    TOUCH;
    if
    :: error -> error = false; reports++
    :: else
    fi
  };
  atomic { TOUCH; assert(!locked); deleted = true }
}

/* T1: `stopped` says whether K1 came first. */
#define T1 done = true; stopped = stop

inline lower_if_stopped() {
  if
  :: stopped -> attention--
  :: else
  fi
}

proctype finisher() {
  byte i;
  bool last, stopped, seen;
  bool job[JOINERS];
  error = ERROR; /* what the function left; the word is the first thing that others look at */
  atomic { TOUCH; seen = detached };
  if
  :: seen && error ->
    atomic {
      TOUCH;
      reports++;
#ifndef BAD_REPORT_TWICE
      error = false
#endif
    }
  :: else
  fi;
#ifdef BAD_REPORT_AT_DONE
  atomic {
    if
    :: error && !waited -> reports++
    :: else
    fi
  };
#endif
#ifdef BAD_CAS_NOT_RMW
  atomic { TOUCH; seen = waited };
  if
  :: seen -> goto somebody
  :: else -> atomic { TOUCH; T1; released = true; last = detached }
  fi;
#else
  atomic { /* the CAS */
    TOUCH;
    if
    :: waited -> goto somebody
    :: else -> T1; released = true; last = detached
    fi
  };
#endif
  goto over;
somebody:
#ifdef BAD_DONE_AND_RELEASED_TOGETHER
  atomic { TOUCH; T1; released = true; last = detached };
#else
  atomic { TOUCH; T1 };
#endif
  lock();
  do
  :: i < JOINERS ->
    atomic {
      if
      :: linked[i] ->
        assert(frame[i]);
        linked[i] = false;
#ifdef BAD_CLAIM_AFTER_UNLOCK
        job[i] = true
#else
        if
        :: claim[i] == WAITING -> claim[i] = COMPLETED; job[i] = true
        :: else
        fi
#endif
      :: else
      fi;
      i++
    }
  :: else -> break
  od;
#ifdef BAD_RELEASE_BEFORE_UNLOCK
  atomic { TOUCH; released = true; last = detached };
#endif
  unlock();
  i = 0;
  do
  :: i < JOINERS ->
    if
    :: job[i] ->
#ifdef BAD_CLAIM_AFTER_UNLOCK
      atomic {
        assert(frame[i]);
        if
        :: claim[i] == WAITING -> claim[i] = COMPLETED
        :: else -> goto lost
        fi
      };
#endif
      atomic { assert(frame[i]); job[i] = false; notified[i] = true } /* P3 */
    :: else
    fi;
#ifdef BAD_CLAIM_AFTER_UNLOCK
  lost:
#endif
    i++
  :: else -> break
  od;
#if !defined(BAD_DONE_AND_RELEASED_TOGETHER) && !defined(BAD_RELEASE_BEFORE_UNLOCK)
  atomic { TOUCH; released = true; last = detached }; /* T2 */
#endif
over:
#ifdef BAD_DELETE_BY_FINISHER
  last = true;
#endif
  lower_if_stopped();
  if
  :: last -> report_and_delete()
  :: else
  fi
}

proctype joiner(byte me) {
  bool seen;
#ifdef BAD_LOOK_BEFORE_LINK
  atomic { TOUCH; seen = done };
  lock();
  if
  :: seen -> unlock(); goto joined
  :: else
  fi;
#else
  lock();
  atomic { TOUCH; seen = done };
  if
  :: seen -> unlock(); goto joined
  :: else
  fi;
#endif
  atomic { frame[me] = true; claim[me] = WAITING };
  atomic { TOUCH; seen = done; waited = true }; /* J1 */
#if defined(BAD_LOOK_BEFORE_LINK) || defined(BAD_WAITED_NOT_LOOKED_AT)
  seen = false;
#endif
  if
  :: seen -> frame[me] = false; unlock(); goto joined
  :: else -> linked[me] = true
  fi;
  unlock();
  if /* park */
  :: notified[me] -> skip
  :: atomic { me == 0 && claim[me] == WAITING -> claim[me] = TIMED_OUT }; /* one has a limit */
    goto late
#ifdef BAD_LOSER_LEAVES
  :: claim[me] == COMPLETED -> skip
#endif
  fi;
  atomic { assert(claim[me] == COMPLETED && done); frame[me] = false };
joined:
  TOUCH;
#ifdef TAKES
  atomic {
    TOUCH;
    assert(done);
    if
    :: error -> error = false; taken = true
    :: else
    fi
  };
#endif
  goto out;
late:
#ifndef BAD_NO_UNLINK
  lock();
  linked[me] = false;
  unlock();
#endif
  frame[me] = false;
out:
  holders--
}

/* K1, by somebody who holds the handle. */
proctype stopper() {
  bool too_late;
  attention++;
#ifdef BAD_STOP_LOOKS_FIRST
  atomic { TOUCH; too_late = done };
  if
  :: too_late -> attention--
  :: else -> atomic { TOUCH; stop = true }
  fi;
#else
  atomic { TOUCH; too_late = done; stop = true };
  if
  :: too_late -> attention--
  :: else
  fi;
#endif
  holders--
}

proctype dropper() {
  bool last;
  holders == 0;
#ifdef BAD_DETACH_NOT_RMW
  atomic { TOUCH; last = released };
  atomic { TOUCH; detached = true };
#else
  atomic { TOUCH; last = released; detached = true }; /* T3 */
#endif
  if
  :: last -> report_and_delete()
  :: else
  fi
}

init {
  byte i;
  atomic {
    run finisher();
    do
    :: i < JOINERS -> run joiner(i); i++
    :: else -> break
    od;
    run stopper();
    run dropper()
  };
  _nr_pr == 1;
  assert(deleted && attention == 0 && reports + taken == ERROR)
}
