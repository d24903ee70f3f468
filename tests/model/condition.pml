/* Conditions: no notification is lost, and the condition may go once all have been notified.
 *
 *   waiter   holds the mutex: lock, link, unlock; unlock the mutex, park; its time over or stopped:
 *              lock its gate; still linked: lock, unlink, unlock; unlock the gate;
 *              lock the mutex again
 *   notifier nobody waits and the lock is free: nothing; else lock, and for the first in the list:
 *              win its claim: unlink, unpark after the unlock
 *              lost: try its gate: unlink, unlock the gate; the gate is held: unlock, look again
 *
 * Strand 0 may run out of time, the others wait for ever. -DONE: the notifier calls notify_one,
 * once for each who still waits; else notify_all. In both cases it does so under the mutex, and
 * then destroys the condition.
 *
 * good all: STRANDS=1
 * good all: STRANDS=2
 * good all: STRANDS=3
 * good all: ONE STRANDS=1
 * good all: ONE STRANDS=2
 * good all: ONE STRANDS=3
 * bad all: BAD_NO_GATE STRANDS=2
 * bad all: BAD_GATE_NOT_AWAITED STRANDS=2
 * bad all: BAD_FLAG_ONLY STRANDS=1
 * bad all: BAD_LINK_AFTER_UNLOCK STRANDS=2
 * bad all: BAD_LOST_COUNTS ONE STRANDS=2
 * bad all: BAD_NO_UNLINK STRANDS=2
 */
#ifndef STRANDS
#define STRANDS 2
#endif

#define WAITING 0
#define COMPLETED 1
#define TIMED_OUT 2
#define NOBODY 255

bool mutex, locked, waited, destroyed, ready;
byte list[STRANDS];
byte length;
byte claim[STRANDS];
bool frame[STRANDS], linked[STRANDS], gate[STRANDS], notified[STRANDS];
byte waiting; /* who has begun to wait and was neither notified nor returned; under the mutex */
bool back[STRANDS];

#define TOUCH assert(!destroyed)

inline lock() { atomic { !locked -> TOUCH; locked = true } }
inline unlock() { atomic { TOUCH; assert(locked); locked = false } }

/* Within an atomic step under the lock. */
inline take_out(who) {
  i = 0;
  do
  :: i < length && list[i] != who -> i++
  :: else -> break
  od;
  length--;
  do
  :: i < length -> list[i] = list[i + 1]; i++
  :: else -> list[i] = 0; break
  od;
  linked[who] = false;
  i = 0
}

proctype waiter(byte me) {
  byte i;
  atomic { !mutex -> mutex = true };
  if
  :: ready -> mutex = false; goto over
  :: else
  fi;
  frame[me] = true;
#ifdef BAD_LINK_AFTER_UNLOCK
  mutex = false;
#endif
  lock();
  atomic { list[length] = me; length++; linked[me] = true; TOUCH };
  atomic { TOUCH; waited = length > 0 };
  unlock();
  waiting++;
#ifndef BAD_LINK_AFTER_UNLOCK
  mutex = false;
#endif
  if /* park */
  :: notified[me] -> goto woken
  :: atomic { me == 0 && claim[me] == WAITING -> claim[me] = TIMED_OUT }
  fi;
#ifndef BAD_NO_GATE
  atomic { !gate[me] -> gate[me] = true };
#endif
#ifndef BAD_NO_UNLINK
  if
  :: linked[me] ->
    lock();
    atomic {
      TOUCH;
      if
      :: linked[me] -> take_out(me)
      :: else
      fi
    };
    atomic { TOUCH; waited = length > 0 };
    unlock()
  :: else
  fi;
#endif
#ifndef BAD_NO_GATE
  gate[me] = false;
#endif
woken:
  frame[me] = false;
  atomic { !mutex -> mutex = true };
  atomic {
    back[me] = true;
    if
    :: claim[me] == TIMED_OUT && waiting > 0 -> waiting--
    :: else
    fi
  };
  mutex = false;
over:
  skip
}

/* notify_one, or one turn of notify_all: `won` is whose wait it ended. */
inline win_front() {
  won = NOBODY;
  do
  :: length == 0 -> break
  :: else ->
    who = list[0];
    assert(frame[who]);
    atomic {
      assert(frame[who]);
      if
      :: claim[who] == WAITING -> claim[who] = COMPLETED; take_out(who); won = who; break
      :: else
#ifdef BAD_LOST_COUNTS
        -> take_out(who); break
#endif
      fi
    };
#ifdef BAD_NO_GATE
    atomic { TOUCH; take_out(who) }
#else
    if
    :: atomic { !gate[who] -> gate[who] = true };
      atomic { assert(frame[who]); TOUCH; take_out(who) };
      atomic { assert(frame[who]); gate[who] = false }
#ifdef BAD_GATE_NOT_AWAITED
    :: atomic { gate[who] -> take_out(who) }
#else
    :: gate[who] -> unlock(); lock()
#endif
    fi
#endif
  od
}

inline note_waited() { atomic { TOUCH; waited = length > 0 } }

inline unpark(w) { atomic { assert(frame[w]); notified[w] = true } }

proctype notifier() {
  byte i, who, won, n;
  bool some, jobs[STRANDS];
  atomic { !mutex -> mutex = true };
  ready = true;
#ifdef ONE
  do
  :: waiting > 0 ->
    waiting--;
#endif
    atomic { TOUCH; some = waited };
#ifndef BAD_FLAG_ONLY
    if
    :: some
    :: else -> atomic { TOUCH; some = locked }
    fi;
#endif
    if
    :: some ->
      lock();
#ifdef ONE
      win_front();
      note_waited();
      unlock();
      if
      :: won != NOBODY -> unpark(won)
      :: else
      fi
#else
      do
      :: win_front();
        if
        :: won == NOBODY -> break
        :: else -> jobs[won] = true
        fi
      od;
      note_waited();
      unlock();
      n = 0;
      do
      :: n < STRANDS ->
        if
        :: jobs[n] -> unpark(n)
        :: else
        fi;
        n++
      :: else -> break
      od
#endif
    :: else
    fi;
#ifdef ONE
  :: else -> break
  od;
#endif
  destroyed = true;
  mutex = false
}

init {
  byte n;
  atomic {
    do
    :: n < STRANDS -> run waiter(n); n++
    :: else -> break
    od;
    run notifier()
  };
  _nr_pr == 1;
  assert(length == 0)
}
