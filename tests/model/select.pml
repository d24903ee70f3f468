/* Selects that get from two queues: one claim word for both cases, and nobody sleeps in vain.
 *
 *   select                                     put                      settle, under the lock
 *   for each channel, under its lock:          S1 claim, publish        reserve the front's owner
 *     R4 link, count up; R5 settle             S3 load the count        claim an item for it
 *   R6 park                                    C1 close; settle         conclude, or put it back
 *   for each channel, under its lock: unlink                            unpark after the unlock
 *
 * A case whose channel is closed and drained leaves; who drops the last one ends the wait. Strands
 * below SELECTS have a case on each channel and enlist in any order; one more getter waits on
 * channel 0 only, and knows of no other case. A put is one step here, with S3 another: busy places
 * are the matter of handshake.pml. Spinning on a reserved owner is waiting for it.
 *
 * Sizes SELECTS GETTERS PUTTERS; CLOSE closes both channels; TIMEOUTS lets selects give up.
 *
 * good open:
 * good open: SELECTS=2 GETTERS=0 PUTTERS=2
 * good open: TIMEOUTS
 * bad open: BAD_NO_SECOND_LOOK
 * bad open: BAD_CLAIM_FIRST
 * bad open: BAD_LOSS_ENDS_SERVING
 * bad open: BAD_SKIP_RESERVED
 * bad open: BAD_NO_WITHDRAWAL
 * bad open: BAD_NO_MARK
 * good closing: CLOSE GETTERS=0
 * good closing: CLOSE PUTTERS=1
 * good closing: CLOSE PUTTERS=1 GETTERS=0 TIMEOUTS
 * bad closing: BAD_DROP_UNRESERVED CLOSE PUTTERS=0 GETTERS=0
 * bad closing: BAD_LAST_END_IS_SILENT CLOSE PUTTERS=0 GETTERS=0
 * bad closing: BAD_END_OF_ONE_ENDS_ALL CLOSE PUTTERS=0 GETTERS=0
 */
#ifndef SELECTS
#define SELECTS 1
#endif
#ifndef GETTERS
#define GETTERS 1
#endif
#ifndef PUTTERS
#define PUTTERS 2
#endif
#ifdef CLOSE
#define CLOSERS 2
#else
#define CLOSERS 0
#endif
#ifdef TIMEOUTS
#define MAY_GIVE_UP (over || me < SELECTS)
#else
#define MAY_GIVE_UP over
#endif
#define WAITERS (SELECTS + GETTERS)
#define STRANDS (WAITERS + PUTTERS + CLOSERS)
#define NOBODY 99
#define NODE(who, which) (2 * (who) + (which))
#define OWNER(n) ((n) / 2)
#define CHANNEL(n) ((n) % 2) /* the case of a node is its channel */

#define WAITING 0
#define RESERVED 1
#define COMPLETED 2
#define ENDED 3 /* closed */
#define TIMED_OUT 4

chan line[2] = [WAITERS] of { byte };
bool locked[2], closed[2];
byte items[2], count[2];
byte claim[WAITERS], in_play[WAITERS];
bool frame[WAITERS], notified[WAITERS], linked[2 * WAITERS], passed[2 * WAITERS];
byte accepted, delivered, asleep, pending, ended;
bool over; /* everybody has come to rest: whoever still waits may give up */

inline lock(c) { atomic { !locked[c] -> locked[c] = true } }
inline unlock(c) { locked[c] = false }

inline unpark(who) {
  atomic {
    assert(frame[who] && !notified[who]);
    notified[who] = true;
    pending++
  }
}

/* The front of the line, or NOBODY: sets `n`. */
inline front(c) {
  if
  :: empty(line[c]) -> n = NOBODY
  :: nempty(line[c]) -> line[c]?<n>
  fi
}

inline unlink(c, node) {
  line[c]??eval(node);
  linked[node] = false;
  count[c]--
}

/* waiting -> reserved; sets `won`. */
inline reserve(who) {
#ifdef BAD_SKIP_RESERVED
  atomic { assert(frame[who]); won = (claim[who] == WAITING);
#else
  atomic { claim[who] != RESERVED -> assert(frame[who]); won = (claim[who] == WAITING);
#endif
    if
    :: won -> claim[who] = RESERVED
    :: else
    fi
  }
}

/* An end that nothing can reach: `n` is at the front of c, its owner is reserved. */
inline end_wait(c) {
  w = OWNER(n);
  if
  :: w < SELECTS ->
    atomic { unlink(c, n); passed[n] = true };
#ifdef BAD_DROP_UNRESERVED
    claim[w] = WAITING;
    left = in_play[w] - 1;
    in_play[w] = left;
    won = false;
    if
    :: left == 0 -> reserve(w)
    :: else
    fi;
    left = (won -> 0 : 1);
#else
    in_play[w]--;
    left = in_play[w];
#endif
#ifdef BAD_END_OF_ONE_ENDS_ALL
    left = 0;
#endif
#ifdef BAD_LAST_END_IS_SILENT
    left = 1;
#endif
    if
    :: left == 0 -> atomic { claim[w] = ENDED; job[w] = true }
#ifdef BAD_DROP_UNRESERVED
    :: else
#else
    :: else -> claim[w] = WAITING
#endif
    fi
  :: else -> atomic { unlink(c, n); claim[w] = ENDED; job[w] = true }
  fi
}

inline settle(c) {
  do
  :: front(c);
    if
    :: n == NOBODY -> break
    :: else
    fi;
#ifdef BAD_CLAIM_FIRST
    atomic {
      if
      :: items[c] > 0 -> items[c]--; taken = true
      :: else -> taken = false
      fi
    };
#endif
    reserve(OWNER(n));
    if
    :: !won -> /* pass it over */
      atomic {
        unlink(c, n);
#ifndef BAD_NO_MARK
        passed[n] = true
#endif
      };
#ifdef BAD_LOSS_ENDS_SERVING
      break
#endif
    :: else ->
#ifndef BAD_CLAIM_FIRST
      atomic {
        if
        :: items[c] > 0 -> items[c]--; taken = true
        :: else -> taken = false; shut = closed[c]
        fi
      };
#else
      shut = closed[c];
#endif
      if
      :: taken -> atomic { unlink(c, n); claim[OWNER(n)] = COMPLETED; job[OWNER(n)] = true }
      :: !taken && shut -> end_wait(c)
      :: else -> claim[OWNER(n)] = WAITING; break
      fi
    fi
  od
}

inline perform() {
  atomic {
    w = 0;
    do
    :: w < WAITERS ->
      if
      :: job[w] -> job[w] = false; unpark(w)
      :: else
      fi;
      w++
    :: else -> break
    od;
    n = 0;
    w = 0;
    left = 0;
    won = false;
    taken = false;
    shut = false
  }
}

inline enlist(c) {
  lock(c);
  atomic { /* R4 */
    linked[NODE(me, c)] = true;
    count[c]++;
    line[c]!NODE(me, c)
  };
#ifndef BAD_NO_SECOND_LOOK
  settle(c); /* R5 */
#endif
  unlock(c);
  perform()
}

/* Adds to `winners`. */
inline withdraw(c) {
  lock(c);
  atomic {
    if
    :: linked[NODE(me, c)] -> unlink(c, NODE(me, c))
    :: else -> winners = winners + (passed[NODE(me, c)] -> 0 : 1)
    fi
  };
  unlock(c)
}

proctype waiter(byte me) {
  byte n, w, left, winners, first;
  bool won, taken, shut, both;
  bool job[WAITERS];
  atomic { frame[me] = true; in_play[me] = 2 };
  if
  :: me < SELECTS -> first = 0
  :: me < SELECTS -> first = 1
  :: me >= SELECTS -> first = 0
  fi;
  enlist(first);
  if
  :: me < SELECTS && claim[me] <= RESERVED -> both = true; enlist(1 - first)
  :: me >= SELECTS || claim[me] > RESERVED
  fi;
  asleep++;
  if
  :: atomic { notified[me] -> asleep--; pending-- }
  :: atomic { MAY_GIVE_UP && claim[me] == WAITING -> claim[me] = TIMED_OUT; asleep-- }
  fi;
#ifndef BAD_NO_WITHDRAWAL
  withdraw(first);
  if
  :: both -> withdraw(1 - first)
  :: else
  fi;
  assert(winners == (claim[me] == COMPLETED || (claim[me] == ENDED && me >= SELECTS) -> 1 : 0));
#endif
  assert(claim[me] != ENDED || (closed[0] && items[0] == 0));
  assert(claim[me] != ENDED || me >= SELECTS || (closed[1] && items[1] == 0));
  atomic {
    if
    :: claim[me] == COMPLETED -> delivered++
    :: else
    fi;
    frame[me] = false;
    ended++
  }
}

proctype putter(byte c) {
  byte n, w, left;
  bool won, taken, shut, go_on;
  bool job[WAITERS];
  atomic { /* S1, S2 */
    if
    :: !closed[c] -> items[c]++; accepted++; go_on = true
    :: else
    fi
  };
  if
  :: go_on && count[c] > 0 -> lock(c); settle(c); unlock(c); perform() /* S3 */
  :: else
  fi;
  ended++
}

proctype closer(byte c) {
  byte n, w, left;
  bool won, taken, shut;
  bool job[WAITERS];
  lock(c);
  closed[c] = true; /* C1 */
  settle(c);
  unlock(c);
  perform();
  ended++
}

init {
  byte i;
  atomic {
    do
    :: i < WAITERS -> run waiter(i); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < PUTTERS -> run putter(0); i++
    :: i < PUTTERS -> run putter(1); i++
    :: else -> break
    od;
#ifdef CLOSE
    run closer(0);
    run closer(1)
#endif
  };
  atomic { /* nobody runs any more */
    ended + asleep == STRANDS && pending == 0;
    assert(!locked[0] && !locked[1]);
    assert(accepted == delivered + items[0] + items[1]);
    i = 0;
    do
    :: i < WAITERS ->
      if
      :: claim[i] == WAITING ->
        assert(items[0] == 0 && (i >= SELECTS || items[1] == 0));
        assert(!closed[0] || (i < SELECTS && !closed[1]))
      :: else
      fi;
      i++
    :: else -> break
    od;
    over = true
  };
  ended == STRANDS
}
