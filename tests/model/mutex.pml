/* The mutex: one holder, nobody waits beside a free one, and it may go when its last user has it.
 *
 *   lock    free and alone: one CAS; else, under the inner lock: free, and those who wait may be
 *           overtaken: take it; held: set `contended` in the same RMW, link, park
 *   woken   under the inner lock: free: take it; held: link in front, and nobody may overtake
 *   unlock  not contended: one CAS, the last touch; else, under the inner lock: one is coming: let
 *           go; else let go and wake the first; nobody left: be calm, and once more
 *
 * Strand 0 waits with a limit where -DTIMED says so. Each uses the mutex ROUNDS times and says,
 * inside for the last time, that it will not come again; the last to say so destroys the mutex once
 * it is out, while others may still be on their way out of their unlocks.
 *
 * good all: TIMED
 * good all: STRANDS=2 ROUNDS=3 TIMED
 * good all: STRANDS=2 ROUNDS=4 MOST=2
 * good all: STRANDS=4 ROUNDS=1 TIMED
 * bad all: BAD_UNLOCK_NOT_CAS
 * bad all: BAD_CONTEND_NOT_RMW
 * bad all: BAD_LET_GO_FIRST
 * bad all: BAD_LET_GO_UNDER_LOCK TIMED
 * bad all: BAD_NO_CLAIM TIMED
 * bad all: BAD_NO_UNLINK TIMED
 * bad all: BAD_STILL_COMING
 * bad all: BAD_NOBODY_COMING
 * bad all: BAD_NO_LIMIT
 * bad all: BAD_OVERTAKEN_AGAIN
 */
#ifndef STRANDS
#define STRANDS 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef MOST
#define MOST 1
#endif
#ifdef TIMED
#define HAS_LIMIT(i) (i == 0)
#else
#define HAS_LIMIT(i) false
#endif

#define WAITING 0
#define COMPLETED 1
#define TIMED_OUT 2

bool held, contended; /* the word */
bool locked;          /* the inner lock */
bool coming;
byte overtaken;
byte list[STRANDS];
byte length;

byte claim[STRANDS];
bool frame[STRANDS], notified[STRANDS];

bool destroyed;
byte inside;           /* strands between lock and unlock */
byte users = STRANDS;  /* who have not said that they will not come again */
byte passed;           /* newcomers in a row that got it while others waited */

#define TOUCH assert(!destroyed)
#define OTHERS (coming || length > 0)

inline lock() { atomic { !locked -> TOUCH; locked = true } }
inline unlock() { atomic { TOUCH; assert(locked); locked = false } }

/* Within an atomic step under the inner lock, whose data nobody else sees. */
inline push_back(me) { list[length] = me; length++ }
inline push_front(me) {
  i = length;
  do
  :: i > 0 -> list[i] = list[i - 1]; i--
  :: else -> break
  od;
  list[0] = me;
  length++
}
inline take_out(who) {
  i = 0;
  do
  :: i < length && list[i] != who -> i++
  :: else -> break
  od;
  if
  :: i < length ->
    length--;
    do
    :: i < length -> list[i] = list[i + 1]; i++
    :: else -> list[i] = 0; break
    od
  :: else
  fi;
  i = 0
}
inline calm() {
  if
  :: !OTHERS ->
    overtaken = 0;
    passed = 0;
    contended = false
  :: else
  fi
}

inline let_go() { atomic { TOUCH; held = false } }

proctype strand(byte me) {
  byte round, i, next;
  bool mine, last, others, first;
again:
  /* lock */
  atomic {
    TOUCH;
    mine = !held && !contended;
    if
    :: mine -> held = true; goto in
    :: else
    fi
  };
  lock();
#ifdef BAD_CONTEND_NOT_RMW
  atomic { TOUCH; mine = !held };
  atomic {
    if
    :: mine -> held = true
    :: else -> contended = true
    fi
  };
#else
  atomic {
    TOUCH;
    others = OTHERS;
    if
    :: held -> contended = true; mine = false
#ifndef BAD_NO_LIMIT
    :: !held && others && overtaken == MOST -> mine = false
    :: !held && !(others && overtaken == MOST) ->
#else
    :: !held ->
#endif
      held = true;
      mine = true;
      if
      :: others -> overtaken++; passed++; assert(passed <= MOST)
      :: else
      fi
    fi
  };
#endif
  first = true;
  do
  :: mine -> unlock(); break
  :: else ->
    atomic {
      claim[me] = WAITING;
      notified[me] = false;
      frame[me] = true;
      if
      :: first -> push_back(me)
      :: else -> push_front(me)
      fi
    };
    unlock();
    if /* park */
    :: notified[me]
    :: atomic { HAS_LIMIT(me) && claim[me] == WAITING -> claim[me] = TIMED_OUT }; goto late
    fi;
    frame[me] = false;
    lock();
    atomic {
      TOUCH;
#ifndef BAD_STILL_COMING
      coming = false;
#endif
      mine = !held;
      if
      :: mine -> held = true; overtaken = 0; passed = 0; calm()
      :: else ->
#ifndef BAD_OVERTAKEN_AGAIN
        overtaken = MOST
#else
        overtaken = 0
#endif
      fi;
      first = false
    }
  od;
in:
  atomic { inside++; assert(inside == 1) };
  round++;
  atomic {
    if
    :: round == ROUNDS -> users--; last = users == 0
    :: else
    fi
  };
  inside--;

  /* unlock */
#ifdef BAD_LET_GO_FIRST
  atomic { TOUCH; held = false; others = contended };
  if
  :: !others -> goto out
  :: else
  fi;
#else
retry:
#ifdef BAD_UNLOCK_NOT_CAS
  atomic { TOUCH; others = contended };
  if
  :: !others -> atomic { TOUCH; held = false }; goto out
  :: else
  fi;
#else
  atomic {
    TOUCH;
    if
    :: !contended -> held = false; goto out
    :: else
    fi
  };
#endif
#endif
  lock();
  if
  :: coming -> let_go(); unlock(); goto out
  :: else
  fi;
  do
  :: length == 0 ->
    /* the last one is leaving without the mutex */
    atomic { TOUCH; calm() };
#ifdef BAD_LET_GO_UNDER_LOCK
    let_go();
    unlock();
    goto out
#elif defined(BAD_LET_GO_FIRST)
    unlock();
    goto out
#else
    unlock();
    goto retry
#endif
  :: else ->
    atomic {
      TOUCH;
      next = list[0];
      assert(frame[next]);
      take_out(next);
#ifdef BAD_NO_CLAIM
      claim[next] = COMPLETED;
      break
#else
      if
      :: claim[next] == WAITING -> claim[next] = COMPLETED; break
      :: else
      fi
#endif
    }
  od;
#ifndef BAD_NOBODY_COMING
  coming = true;
#endif
  let_go();
  unlock();
  atomic { assert(frame[next]); notified[next] = true };
out:
  if
  :: last ->
    atomic {
      TOUCH;
      assert(!held && !contended && !coming && length == 0);
      destroyed = true
    }
  :: else
  fi;
  if
  :: round < ROUNDS -> goto again
  :: else -> goto over
  fi;

late:
  lock();
#ifndef BAD_NO_UNLINK
  atomic { TOUCH; take_out(me); calm() };
#endif
  unlock();
  frame[me] = false;
  goto again;
over:
  skip
}

init {
  byte n;
  atomic {
    do
    :: n < STRANDS -> run strand(n); n++
    :: else -> break
    od
  };
  _nr_pr == 1;
  assert(destroyed)
}
