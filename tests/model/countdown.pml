/* Latches and groups: all who wait for zero go on, and then the object may go. Semaphores and
 * barriers have the same steps: a word with a bit that says that somebody waits.
 *
 *   step    the last one, and somebody waits: under the lock: to zero by a CAS, claim all; unlock,
 *             unpark; else one CAS, the last touch
 *   wait    zero: done; else under the lock: zero: done; else set `waited` in the same RMW, link;
 *             unlock, park
 *   give up under the lock: unlink; nobody else is linked: take `waited` off
 *
 * Waiter 0 may run out of time. Whoever waits last destroys the object when it returns, also if it
 * need not have parked, while those who counted may still be on their way out.
 *
 * good all: COUNT=2 WAITERS=2
 * good all: COUNT=3 WAITERS=1
 * good all: COUNT=2 WAITERS=3
 * bad all: BAD_STEP_NOT_CAS
 * bad all: BAD_STEP_FIRST
 * bad all: BAD_LOOK_NOT_RMW
 * bad all: BAD_STALE_BIT
 * bad all: BAD_NO_UNLINK
 * bad all: BAD_NO_CLAIM
 * bad all: BAD_UNPARK_UNDER_LOCK
 */
#ifndef COUNT
#define COUNT 2
#endif
#ifndef WAITERS
#define WAITERS 2
#endif

#define WAITING 0
#define COMPLETED 1
#define TIMED_OUT 2

byte count = COUNT; /* the word */
bool waited;
bool locked, destroyed;
bool linked[WAITERS], frame[WAITERS], notified[WAITERS];
byte claim[WAITERS];
byte users = WAITERS;

#define TOUCH assert(!destroyed)

inline lock() { atomic { !locked -> TOUCH; locked = true } }
inline unlock() { atomic { TOUCH; locked = false } }

proctype counter() {
  byte i;
  bool some;
  bool jobs[WAITERS];
again:
#ifdef BAD_STEP_FIRST
  atomic {
    TOUCH;
    count--;
    some = count == 0 && waited
  };
  if
  :: !some -> goto over
  :: else
  fi;
  lock();
  waited = false;
#else
#ifdef BAD_STEP_NOT_CAS
  atomic { TOUCH; some = count == 1 && waited };
  if
  :: !some -> atomic { TOUCH; count-- }; goto over
  :: else
  fi;
#else
  atomic {
    TOUCH;
    if
    :: !(count == 1 && waited) -> count--; goto over
    :: else
    fi
  };
#endif
  lock();
  atomic {
    TOUCH;
    some = count == 1 && waited;
    if
    :: some -> count = 0; waited = false
    :: else
    fi
  };
  if
  :: !some -> unlock(); goto again
  :: else
  fi;
#endif
  do
  :: i < WAITERS ->
    atomic {
      if
      :: linked[i] ->
        assert(frame[i]);
        linked[i] = false;
        if
#ifdef BAD_NO_CLAIM
        :: true -> claim[i] = COMPLETED; jobs[i] = true
#else
        :: claim[i] == WAITING -> claim[i] = COMPLETED; jobs[i] = true
        :: else
#endif
        fi
      :: else
      fi;
      i++
    }
  :: else -> i = 0; break
  od;
#ifndef BAD_UNPARK_UNDER_LOCK
  unlock();
#endif
  do
  :: i < WAITERS ->
    if
    :: jobs[i] -> atomic { assert(frame[i]); notified[i] = true }
    :: else
    fi;
    i++
  :: else -> break
  od;
#ifdef BAD_UNPARK_UNDER_LOCK
  unlock();
#endif
over:
  skip
}

proctype waiter(byte me) {
  bool zero;
  byte i, others;
  atomic { TOUCH; zero = count == 0 };
  if
  :: zero -> goto out
  :: else
  fi;
  lock();
#ifdef BAD_LOOK_NOT_RMW
  atomic { TOUCH; zero = count == 0 };
  if
  :: !zero -> atomic { TOUCH; waited = true }
  :: else
  fi;
#else
  atomic {
    TOUCH;
    zero = count == 0;
    if
    :: !zero -> waited = true
    :: else
    fi
  };
#endif
  if
  :: zero -> unlock(); goto out
  :: else -> frame[me] = true; linked[me] = true; unlock()
  fi;
  if /* park */
  :: notified[me] -> frame[me] = false; assert(count == 0); goto out
  :: atomic { me == 0 && claim[me] == WAITING -> claim[me] = TIMED_OUT }
  fi;
  lock();
#ifndef BAD_NO_UNLINK
  atomic {
    linked[me] = false;
    do
    :: i < WAITERS -> others = others + linked[i]; i++
    :: else -> break
    od;
#ifndef BAD_STALE_BIT
    if
    :: others == 0 -> waited = false
    :: else
    fi
#endif
  };
#endif
  unlock();
  frame[me] = false;
  /* It looks until it is zero. */
  atomic { count == 0 -> TOUCH };
out:
  atomic {
    users--;
    if
    :: users == 0 -> destroyed = true
    :: else
    fi
  }
}

init {
  byte n;
  atomic {
    do
    :: n < COUNT -> run counter(); n++
    :: else -> n = 0; break
    od;
    do
    :: n < WAITERS -> run waiter(n); n++
    :: else -> break
    od
  };
  _nr_pr == 1;
  assert(destroyed && count == 0)
}
