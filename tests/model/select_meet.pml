/* Selects on rendezvous channels: two of them meet, and each has other cases meanwhile.
 *
 *   1 try each case, under its channel's lock      3 each case, under its channel's lock
 *     claim the front of the other side as           pass own nodes by; reserve both waits, in the
 *     completed (nobody knows of us yet)             order of their addresses; conclude both, or
 *                                                    take off the one that has ended; else R4 link
 *   after the unlock: move the item, unpark the partner (3: and oneself)
 *   4 park (R6)   5 unlink under each lock
 *
 * Strand i has two cases: it puts into channel i and gets from channel i + 1, modulo CHANNELS. Two on
 * two channels are each other's partner on both; three on three are a ring; on one channel each
 * has both sides. PLAIN: the last strand only gets. Spinning on a reserved wait is waiting for it.
 *
 * good meet:
 * good meet: PLAIN
 * good meet: CHANNELS=1
 * good meet: STRANDS=3 CHANNELS=1 PLAIN
 * good meet: STRANDS=3 CHANNELS=2 PLAIN
 * good meet: STRANDS=3 CHANNELS=3
 * good meet: STRANDS=3 CHANNELS=3 TIMEOUTS
 * bad meet: BAD_OWN_FIRST
 * bad meet: BAD_OWN_FIRST STRANDS=3 CHANNELS=3
 * bad meet: BAD_MEET_ONESELF CHANNELS=1
 * bad meet: BAD_OWN_NODE_ENDS_SEARCH CHANNELS=1 PLAIN
 * bad meet: BAD_LOSS_ENDS_SEARCH STRANDS=3 CHANNELS=2 PLAIN TIMEOUTS
 * bad meet: BAD_LOOK_UNLOCKED
 * bad meet: BAD_CLAIM_ONE_BY_ONE STRANDS=3 CHANNELS=2
 * bad meet: BAD_PARTNER_ONLY STRANDS=3 CHANNELS=2
 * bad meet: BAD_SKIP_RESERVED STRANDS=3 CHANNELS=3 TIMEOUTS
 * bad meet: BAD_NO_WITHDRAWAL
 */
#ifndef STRANDS
#define STRANDS 2
#endif
#ifndef CHANNELS
#define CHANNELS 2
#endif
#ifdef PLAIN
#define CASES(who) (who == STRANDS - 1 -> 1 : 2)
#else
#define CASES(who) 2
#endif
#ifdef TIMEOUTS
#define MAY_GIVE_UP (over || CASES(me) == 2)
#else
#define MAY_GIVE_UP over
#endif
#define NOBODY 99

/* Case 0 gets from channel i + 1, case 1 puts into channel i. */
#define GET 0
#define PUT 1
#define NODE(who, which) (2 * (who) + (which))
#define OWNER(n) ((n) / 2)
#define SIDE(n) ((n) % 2)
#define CHANNEL(n) ((OWNER(n) + 1 - SIDE(n)) % CHANNELS)
#define WAITS(n) (frame[OWNER(n)] && claim[OWNER(n)] == WAITING && SIDE(n) < CASES(OWNER(n)))
/* The line of one side of one channel. */
#define LINE(c, side) line[2 * (c) + (side)]

#define WAITING 0
#define RESERVED 1
#define COMPLETED 2
#define TIMED_OUT 3

chan line[2 * CHANNELS] = [STRANDS] of { byte };
bool locked[CHANNELS];
byte claim[STRANDS];
bool frame[STRANDS], notified[STRANDS], linked[2 * STRANDS];
byte moved[2 * STRANDS]; /* how often the item of this case was moved */
byte asleep, pending, ended;
bool over; /* everybody has come to rest: whoever still waits gives up */

inline lock(c) { atomic { !locked[c] -> locked[c] = true } }
inline unlock(c) { locked[c] = false }

/* Takes the line's k-th node, sets `n`: a line is turned round once to look at it. */
inline at(c, side, k) {
  d_step {
    if
    :: k < len(LINE(c, side)) ->
      i = 0;
      do
      :: i < len(LINE(c, side)) ->
        LINE(c, side)?n;
        LINE(c, side)!n;
        if
        :: i == k -> found = n
        :: else
        fi;
        i++
      :: else -> break
      od;
      n = found
    :: else -> n = NOBODY
    fi;
    i = 0;
    found = 0
  }
}

inline unlink(node) {
  atomic { LINE(CHANNEL(node), SIDE(node))??eval(node); linked[node] = false }
}

/* waiting -> `to`; sets `won`. */
inline leave_waiting(who, to) {
#ifdef BAD_SKIP_RESERVED
  atomic { assert(frame[who]); won = (claim[who] == WAITING);
#else
  atomic { claim[who] != RESERVED -> assert(frame[who]); won = (claim[who] == WAITING);
#endif
    if
    :: won -> claim[who] = to
    :: else
    fi
  }
}

inline move(mine, others) {
  atomic {
    assert(frame[OWNER(others)] && claim[OWNER(others)] == COMPLETED);
    assert(OWNER(others) != me && SIDE(mine) != SIDE(others));
    moved[mine]++;
    moved[others]++
  }
}

inline unpark(who) {
  atomic { assert(frame[who] && !notified[who]); notified[who] = true; pending++ }
}

/* Step 1: sets `partner`. */
inline try_case(which) {
  lock(CHANNEL(NODE(me, which)));
  partner = NOBODY;
  do
  :: at(CHANNEL(NODE(me, which)), 1 - (which), 0);
    if
    :: n == NOBODY -> break
    :: else
    fi;
    leave_waiting(OWNER(n), COMPLETED);
    unlink(n);
    if
    :: won -> partner = n; break
    :: else
    fi
  od;
  unlock(CHANNEL(NODE(me, which)))
}

/* Both claims or none, in the order of the addresses: sets `won` and `lost`, the one that had ended. */
inline reserve_both(other) {
  lower = (me < other -> me : other);
  upper = (me < other -> other : me);
#ifdef BAD_OWN_FIRST
  lower = me;
  upper = other;
#endif
#ifdef BAD_CLAIM_ONE_BY_ONE
  leave_waiting(lower, COMPLETED);
#else
  leave_waiting(lower, RESERVED);
#endif
  if
  :: !won -> lost = lower
  :: else ->
    leave_waiting(upper, RESERVED);
    if
    :: !won ->
      lost = upper;
#ifndef BAD_CLAIM_ONE_BY_ONE
      claim[lower] = WAITING
#endif
    :: else
    fi
  fi
}

/* Step 3 in one channel: sets `partner`. */
inline enlist(which) {
  lock(CHANNEL(NODE(me, which)));
  partner = NOBODY;
  k = 0;
  do
  :: at(CHANNEL(NODE(me, which)), 1 - (which), k);
    if
    :: n == NOBODY -> break
#ifndef BAD_MEET_ONESELF
    :: n != NOBODY && OWNER(n) == me ->
#ifdef BAD_OWN_NODE_ENDS_SEARCH
      break
#else
      k++
#endif
    :: n != NOBODY && OWNER(n) != me ->
#else
    :: n != NOBODY ->
#endif
#ifdef BAD_PARTNER_ONLY
      leave_waiting(OWNER(n), COMPLETED);
      lost = OWNER(n);
#else
      reserve_both(OWNER(n));
#endif
      if
      :: won ->
        atomic {
#ifndef BAD_PARTNER_ONLY
          claim[me] = COMPLETED;
#endif
          claim[OWNER(n)] = COMPLETED
        };
        unlink(n);
        partner = n;
        break
      :: !won && lost == me -> break
      :: else ->
        unlink(n);
#ifdef BAD_LOSS_ENDS_SEARCH
        break
#endif
      fi
    fi
  od;
#ifdef BAD_LOOK_UNLOCKED
  unlock(CHANNEL(NODE(me, which)));
  lock(CHANNEL(NODE(me, which)));
#endif
  if
  :: partner == NOBODY ->
    atomic { /* R4 */
      linked[NODE(me, which)] = true;
      LINE(CHANNEL(NODE(me, which)), (which))!NODE(me, which)
    }
  :: else
  fi;
  unlock(CHANNEL(NODE(me, which)));
  if
  :: partner != NOBODY -> move(NODE(me, which), partner); unpark(OWNER(partner)); unpark(me)
  :: else
  fi
}

proctype strand(byte me) {
  byte n, i, k, found, lower, upper, lost, partner, first;
  bool won;
  if
  :: first = GET
  :: CASES(me) == 2 -> first = PUT
  fi;
  try_case(first);
  if
  :: partner != NOBODY -> lost = first; goto meet
  :: else
  fi;
  if
  :: CASES(me) == 2 ->
    try_case(1 - first);
    if
    :: partner != NOBODY -> lost = 1 - first; goto meet
    :: else
    fi
  :: else
  fi;
  frame[me] = true;
  enlist(first);
  if
  :: CASES(me) == 2 && claim[me] <= RESERVED -> enlist(1 - first)
  :: CASES(me) != 2 || claim[me] > RESERVED
  fi;
  atomic { n = 0; k = 0; lower = 0; upper = 0; lost = 0; partner = 0; won = false; asleep++ };
  if
  :: atomic { notified[me] -> asleep--; pending-- }
  :: atomic { MAY_GIVE_UP && claim[me] == WAITING -> claim[me] = TIMED_OUT; asleep-- }
  fi;
#ifndef BAD_NO_WITHDRAWAL
  k = 0;
  do
  :: k < 2 ->
    lock(CHANNEL(NODE(me, k)));
    if
    :: linked[NODE(me, k)] -> unlink(NODE(me, k))
    :: else
    fi;
    unlock(CHANNEL(NODE(me, k)));
    k++
  :: else -> break
  od;
#endif
  assert(moved[NODE(me, GET)] + moved[NODE(me, PUT)] == (claim[me] == COMPLETED -> 1 : 0));
  goto end;
meet: /* nobody has known of this strand: it has no claim to win */
  move(NODE(me, lost), partner);
  unpark(OWNER(partner));
  assert(moved[NODE(me, GET)] + moved[NODE(me, PUT)] == 1);
end:
  atomic { frame[me] = false; ended++ }
}

init {
  byte s, t;
  atomic {
    do
    :: s < STRANDS -> run strand(s); s++
    :: else -> break
    od
  };
  atomic { /* nobody runs any more */
    ended + asleep == STRANDS && pending == 0;
    s = 0;
    do
    :: s < CHANNELS -> assert(!locked[s]); s++
    :: else -> break
    od;
    /* No two of those who wait could meet. */
    s = 0;
    do
    :: s < 2 * STRANDS ->
      t = 0;
      do
      :: t < 2 * STRANDS ->
        assert(!(WAITS(s) && WAITS(t) && OWNER(s) != OWNER(t) && SIDE(s) != SIDE(t) &&
                 CHANNEL(s) == CHANNEL(t)));
        t++
      :: else -> break
      od;
      s++
    :: else -> break
    od;
    over = true
  };
  ended == STRANDS
}
