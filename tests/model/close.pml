/* Closing: one transition, drained is sticky, its cause is visible, joiners hear of the drain.
 *
 * Here every load of a put and a get is a step of its own, which also shows that the answers of
 * the ring are true at some moment of the call (handshake.pml takes them as one step).
 *   put: load tail (the closed bit is in it), load the slot's stamp; free: S1 CAS tail, S2;
 *        else load head: exactly full, or busy: again
 *   get: load head, load the slot's stamp; published: G1 CAS head, G2, G3; else load tail:
 *        exactly empty, drained if it says closed, or busy: again
 *   close, under the lock: store the cause, C1 set the closed bit (RMW on tail), then look whether
 *        the channel is drained already
 *   join, under the lock: R4 link and count, R5 look (head, tail), R6 park
 * Joiners wait for head, as putters do, so they stand in the count that G3 loads; but only from the
 * close on. The close counts those who came before it (C1, count, look), and those after it count
 * themselves: a get of an open channel does not take the lock on account of joiners.
 *
 * good all:
 * good all: CAP=2 GETTERS=1 CLOSERS=1
 * bad all: BAD_SEPARATE_FLAG
 * bad all: BAD_CLOSE_NOT_RMW
 * bad all: BAD_CAUSE_AFTER
 * bad all: BAD_JOINERS_NOT_COUNTED
 * bad all: BAD_JOINER_LOOKS_EARLY
 * bad all: BAD_LOOK_BEFORE_COUNT
 */
#ifndef CAP
#define CAP 1
#endif
#define PUTTERS 2
#ifndef GETTERS
#define GETTERS 2
#endif
#ifndef CLOSERS
#define CLOSERS 2
#endif
#ifndef JOINERS
#define JOINERS 1
#endif
#define SLOT(t) ((t) % CAP)
#define FREE(t) (2 * ((t) / CAP))
#define FULL(t) (2 * ((t) / CAP) + 1)

byte head, tail;
bool closed; /* a bit of tail: read and written in one step with it */
byte stamp[CAP];
byte cell[CAP];
byte cause, closes;
bool locked;
byte joining;         /* joiners in the list */
byte waiting_putters; /* the count that G3 loads */
bool told_drained;
byte notified; /* joiners unparked */

#define DRAINED (closed && head == tail)

/* Under the lock. */
inline settle_joiners() {
  atomic {
    if
    :: DRAINED ->
      notified = notified + joining;
      waiting_putters = waiting_putters - joining; /* all have been counted: it is closed */
      joining = 0
    :: else
    fi
  }
}

proctype putter() {
  byte t, h;
  bool shut, is_free;
again:
#ifdef BAD_SEPARATE_FLAG
  shut = closed;
  t = tail;
#else
  atomic { t = tail; shut = closed };
#endif
  if
  :: shut -> assert(closed); goto done
  :: else
  fi;
  is_free = (stamp[SLOT(t)] == FREE(t));
  if
  :: is_free ->
    atomic { /* S1 */
      if
#ifdef BAD_SEPARATE_FLAG
      :: tail == t
#else
      :: tail == t && !closed
#endif
        -> assert(!told_drained); tail++; assert(tail - head <= CAP)
      :: else -> goto again
      fi
    };
    atomic { /* S2 */
      assert(cell[SLOT(t)] == 0);
      cell[SLOT(t)] = t + 1;
      stamp[SLOT(t)] = FULL(t)
    }
  :: else ->
    atomic {
      h = head;
      if
      :: t - h == CAP -> assert(tail - head == CAP); goto done /* no false full */
      :: else -> goto again
      fi
    }
  fi;
done:
  skip
}

proctype getter() {
  byte h, t;
  bool shut, is_full, seen;
again:
  h = head;
  is_full = (stamp[SLOT(h)] == FULL(h));
  if
  :: is_full ->
    atomic { /* G1 */
      if
      :: head == h -> assert(!told_drained); head++
      :: else -> goto again
      fi
    };
    atomic { /* G2 */
      assert(cell[SLOT(h)] == h + 1);
      cell[SLOT(h)] = 0;
      stamp[SLOT(h)] = FREE(h + CAP)
    };
    seen = waiting_putters > 0; /* G3 */
    if
    :: seen ->
      atomic { !locked -> locked = true };
      settle_joiners();
      locked = false
    :: else
    fi;
    goto again
  :: else
  fi;
  atomic {
    t = tail;
    shut = closed;
    if
    :: t != h -> goto again
    :: t == h && !shut -> assert(head == tail && !closed); goto again /* no false empty */
    :: t == h && shut -> assert(DRAINED); told_drained = true
    fi
  };
  assert(cause != 0)
}

proctype closer(byte my_cause) {
#ifdef BAD_CLOSE_NOT_RMW
  byte t;
#endif
  atomic { !locked -> locked = true };
  if
  :: closed -> locked = false
  :: else ->
#ifndef BAD_CAUSE_AFTER
    atomic { assert(cause == 0); cause = my_cause };
#endif
#ifdef BAD_LOOK_BEFORE_COUNT
    atomic { closed = true; closes++ };
    settle_joiners();
    waiting_putters = waiting_putters + joining;
#else
#ifdef BAD_CLOSE_NOT_RMW
    t = tail;
    atomic { tail = t; closed = true; closes++ };
#else
    atomic { closed = true; closes++ }; /* C1 */
#endif
#ifndef BAD_JOINERS_NOT_COUNTED
    waiting_putters = waiting_putters + joining; /* R4 */
#endif
    settle_joiners();
#endif
#ifdef BAD_CAUSE_AFTER
    cause = my_cause;
#endif
    locked = false
  fi;
  assert(closes == 1)
}

proctype joiner() {
  bool drained_at_once;
  atomic { !locked -> locked = true };
#ifdef BAD_JOINER_LOOKS_EARLY
  drained_at_once = DRAINED;
#endif
  atomic { /* R4; the closed bit cannot change under the lock */
    joining++;
    if
    :: closed -> waiting_putters++
    :: else
    fi
  };
#ifndef BAD_JOINER_LOOKS_EARLY
  atomic { /* R5 */
    drained_at_once = DRAINED
  };
#endif
  if
  :: drained_at_once -> atomic { joining--; waiting_putters--; locked = false } /* it is closed */
  :: else ->
    locked = false;
    atomic { notified > 0 -> notified-- } /* R6 */
  fi;
  assert(DRAINED)
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
    :: i < PUTTERS -> run putter(); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < GETTERS -> run getter(); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < CLOSERS -> i++; run closer(i)
    :: else -> break
    od;
    i = 0;
    do
    :: i < JOINERS -> run joiner(); i++
    :: else -> break
    od;
    i = 0
  }
}
