/* The rendezvous channel: who comes second completes the operation of who came first.
 *
 *   put and get, under the lock                 after the unlock
 *   closed: say so                              move the item, unpark (P3), touch nothing more
 *   take the front waiter of the other side
 *     that can still be claimed: completed
 *   none: R4 link, and park (R6) unlocked
 *   close, under the lock: C1, claim all waiters of both sides as closed; unpark them unlocked
 *   late: claim as timed out, lock, unlink if still linked, unlock
 *
 * No second look (R5) is needed: the look at the other side and R4 are one step under the lock. So
 * never do both sides have a waiter that can still be claimed. Those who have withdrawn and are
 * still linked do not count: they are passed over, and do not end the search.
 *
 * good all:
 * good all: PUTTERS=1 GETTERS=3
 * bad all: BAD_LOOK_UNLOCKED
 * bad all: BAD_CLOSED_UNLOCKED
 * bad all: BAD_NO_CLAIM
 * bad all: BAD_WITHDRAWN_ENDS_SEARCH
 * bad all: BAD_UNPARK_FIRST
 * bad all: BAD_TOUCH_AFTER_UNPARK
 * bad all: BAD_NO_UNLINK
 * bad all: BAD_LOSER_LEAVES
 * bad all: BAD_CLOSE_ONE_SIDE
 * bad all: BAD_ANSWER_FROM_THE_CHANNEL
 */
#ifndef PUTTERS
#define PUTTERS 2
#endif
#ifndef GETTERS
#define GETTERS 2
#endif
#define STRANDS (PUTTERS + GETTERS)
#define NOBODY 99

#define WAITING 0
#define COMPLETED 1
#define ENDED 2 /* closed */
#define TIMED_OUT 3

chan putters = [STRANDS] of { byte };
chan getters = [STRANDS] of { byte };
bool locked, closed;
byte claim[STRANDS];
bool frame[STRANDS], notified[STRANDS];
byte room[STRANDS]; /* the item of a putter, the room of a getter; 0: none */
byte delivered, accepted;
byte asleep, pending, ended; /* strands that are parked, that are to wake up, that are through */
bool closing;

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

/* Sets `other`. */
inline win_front(list) {
  other = NOBODY;
  do
  :: nempty(list) ->
    atomic {
      list?other;
      assert(frame[other]);
#ifdef BAD_NO_CLAIM
      claim[other] = COMPLETED;
      break
#else
      if
      :: claim[other] == WAITING -> claim[other] = COMPLETED; break
      :: else -> other = NOBODY
      fi
#endif
    }
#ifdef BAD_WITHDRAWN_ENDS_SEARCH
    ;
    break
#endif
  :: empty(list) -> break
  od
}

inline unpark(who) {
  atomic {
    assert(frame[who] && !notified[who]);
    notified[who] = true;
    pending++
  }
}

inline unlink(list) {
  if
  :: list??[eval(me)] -> list??eval(me)
  :: else
  fi
}

/* `mine` and `others` are the lists; a putter moves from itself, a getter to itself. */
inline meet(mine, others, putting) {
#ifdef BAD_CLOSED_UNLOCKED
  seen = closed;
  if
  :: seen -> goto out
  :: else
  fi;
  lock();
#else
  lock();
  if
  :: closed -> unlock(); goto out
  :: else
  fi;
#endif
  win_front(others);
#ifdef BAD_LOOK_UNLOCKED
  if
  :: other == NOBODY -> unlock(); lock()
  :: else
  fi;
#endif
  if
  :: other == NOBODY ->
    atomic { frame[me] = true; claim[me] = WAITING; mine!me }; /* R4 */
    unlock()
  :: else ->
    unlock();
#ifdef BAD_UNPARK_FIRST
    unpark(other);
#endif
    atomic {
      assert(frame[other]);
      if
      :: putting -> assert(room[other] == 0); room[other] = room[me]; room[me] = 0
      :: else -> assert(room[me] == 0 && room[other] != 0); room[me] = room[other]; room[other] = 0
      fi
    };
#ifndef BAD_UNPARK_FIRST
    unpark(other);
#endif
#ifdef BAD_TOUCH_AFTER_UNPARK
    assert(frame[other]);
#endif
    goto completed
  fi
}

proctype strand(byte me, putting) {
  byte other;
  bool seen;
  if
  :: putting -> room[me] = me + 1; meet(putters, getters, putting)
  :: else -> meet(getters, putters, putting)
  fi;
  asleep++;
end_parked: /* R6 */
  if
  :: atomic { notified[me] -> asleep--; pending-- }
  :: atomic { me % 2 == 0 && claim[me] == WAITING -> claim[me] = TIMED_OUT; asleep-- }; /* a limit */
    goto late
#ifdef BAD_LOSER_LEAVES
  :: atomic { me % 2 == 0 && claim[me] == COMPLETED && !notified[me] -> asleep--; pending-- }
#endif
  fi;
  atomic { frame[me] = false; notified[me] = false };
#ifdef BAD_ANSWER_FROM_THE_CHANNEL
  seen = closed;
#else
  seen = (claim[me] == ENDED);
#endif
  if
  :: seen -> goto out
  :: else
  fi;
completed:
  atomic {
    if
    :: putting -> assert(room[me] == 0); accepted++
    :: else -> assert(room[me] != 0); delivered++
    fi;
    goto end
  };
late:
#ifndef BAD_NO_UNLINK
  lock();
  if
  :: putting -> unlink(putters)
  :: else -> unlink(getters)
  fi;
  unlock();
#endif
  frame[me] = false;
out:
  assert(putting == (room[me] != 0)); /* the item has stayed, or nothing has come */
end:
  ended++
}

inline end_all(list) {
  do
  :: nempty(list) ->
    atomic {
      list?w;
      assert(frame[w]);
      if
      :: claim[w] == WAITING -> claim[w] = ENDED; job[w] = true
      :: else
      fi
    }
  :: empty(list) -> break
  od
}

proctype closer() {
  byte w;
  bool job[STRANDS];
  lock();
  closed = true; /* C1 */
  end_all(putters);
#ifndef BAD_CLOSE_ONE_SIDE
  end_all(getters);
#endif
  unlock();
  w = 0;
  do
  :: w < STRANDS ->
    if
    :: job[w] -> unpark(w)
    :: else
    fi;
    w++
  :: else -> break
  od;
  closing = false
}

init {
  byte i;
  atomic {
    do
    :: i < STRANDS -> run strand(i, i < PUTTERS); i++
    :: else -> break
    od;
    if
    :: closing = true; run closer()
    :: skip
    fi
  };
  atomic { /* nobody runs any more */
    ended + asleep == STRANDS && pending == 0 && !closing;
    assert(!locked && accepted == delivered);
    assert(empty(putters) || empty(getters));
    assert(asleep == 0 || !closed);
    if
    :: !closed -> closing = true; run closer()
    :: else
    fi
  };
  ended == STRANDS && !closing
}
