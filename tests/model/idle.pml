/* Workers that fall asleep beside strangers who bring work: no work lies beside sleepers only.
 *
 *   worker                                   whoever brings work from outside
 *   W1 idle: list, count up (RMW seq_cst),   push into the queue (its own orders are weaker)
 *      reset the own futex word              W4 count the work (RMW seq_cst), after the push
 *   W2 load the count of work (seq_cst)      W5 load the count of idle workers (seq_cst):
 *   W3 sleep while the word says so             take one off the list, set its word, wake it
 *
 * The count beside the queue may fall below zero for a moment: a worker can take what has been
 * pushed and not counted yet. The pusher then still has W4 and W5 before it.
 *
 * One sleeper keeps the earliest timer: who goes to sleep and finds no keeper, or one that sleeps
 * longer than the earliest deadline, keeps it himself. A keeper that wakes gives the part up.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef PUSHERS
#define PUSHERS 2
#endif
#ifndef PUSHES
#define PUSHES 1
#endif
#define NOBODY 99
#define NEVER 9

byte queued;     /* work in the queue */
short injected;  /* the count beside it */
bool idle[WORKERS];
byte idle_count;
bool asleep_word[WORKERS]; /* the futex words */
byte keeper = NOBODY, keeper_deadline = NEVER, earliest = NEVER;
bool in_kernel[WORKERS];
byte asleep, pushers_done;

inline rest() {
  if
  :: asleep == WORKERS && pushers_done == PUSHERS ->
    assert(queued == 0);
    assert(keeper_deadline <= earliest)
  :: else
  fi
}

/* One step: the list has a lock. */
inline stop_being_idle() {
  atomic {
    if
    :: idle[me] -> idle[me] = false; idle_count--
    :: else /* somebody has taken us off to wake us */
    fi;
    if
    :: keeper == me -> keeper = NOBODY; keeper_deadline = NEVER
    :: else
    fi
  }
}

proctype worker(byte me) {
  bool timed;
#ifdef BAD_IDLE_NOT_RMW
  byte count;
#endif
#ifdef BAD_LOOK_BEFORE_IDLE
  bool seen;
#endif
work:
  if
  :: atomic { queued > 0 -> queued-- };
    injected--;
    if /* what runs may arm a timer */
    :: earliest = 1
    :: earliest > 2 -> earliest = 2
    :: skip
    fi;
    goto work
  :: queued == 0 -> skip
  fi;
#ifdef BAD_LOOK_BEFORE_IDLE
  seen = injected > 0;
#endif
#ifdef BAD_IDLE_NOT_RMW
  count = idle_count;
#endif
  atomic { /* W1 */
#ifndef BAD_RESET_LATE
    asleep_word[me] = true;
#endif
    idle[me] = true;
#ifdef BAD_IDLE_NOT_RMW
    idle_count = count + 1;
    count = 0;
#else
    idle_count++;
#endif
#ifdef BAD_KEEPER_UNCOMPARED
    if
    :: keeper == NOBODY && earliest != NEVER -> keeper = me; keeper_deadline = earliest
#else
    if
    :: earliest < keeper_deadline -> keeper = me; keeper_deadline = earliest
#endif
    :: else
    fi;
    timed = (keeper == me)
  };
#ifdef BAD_RESET_LATE
  asleep_word[me] = true;
#endif
#if defined(BAD_LOOK_BEFORE_IDLE)
  if
  :: seen -> seen = false; stop_being_idle(); goto work
  :: else
  fi;
#elif !defined(BAD_NO_LOOK)
  if /* W2 */
  :: injected > 0 -> stop_being_idle(); goto work
  :: injected <= 0
  fi;
#endif
  atomic { /* W3 */
    if
    :: asleep_word[me] -> in_kernel[me] = true; asleep++; rest()
    :: else -> goto woken
    fi
  };
end_asleep:
  if
  :: atomic { !asleep_word[me] -> in_kernel[me] = false }
  :: atomic { timed && asleep_word[me] && earliest != NEVER ->
      asleep--;
      in_kernel[me] = false;
      asleep_word[me] = false
    };
    stop_being_idle();
    atomic { timed = false; earliest = NEVER }; /* fire: the fiber becomes ready, and runs here */
    goto work
  fi;
woken:
  stop_being_idle();
  timed = false;
  goto work
}

proctype pusher(byte left) {
  byte w;
  bool seen;
next:
  if
  :: left == 0 -> goto done
  :: else -> left--
  fi;
#ifdef BAD_COUNT_BEFORE_PUSH
  injected++;
  seen = idle_count > 0;
  queued++;
#elif defined(BAD_W5_EARLY)
  seen = idle_count > 0;
  queued++;
  injected++;
#else
  queued++;
  injected++;            /* W4 */
  seen = idle_count > 0; /* W5 */
#endif
  if
  :: seen ->
    seen = false;
    atomic {
      do
      :: w < WORKERS && !idle[w] -> w++
      :: else -> break
      od;
      if
      :: w == WORKERS -> w = 0; goto next
      :: else -> idle[w] = false; idle_count--
      fi
    };
    atomic {
      if
      :: in_kernel[w] && asleep_word[w] -> asleep--
      :: else
      fi;
      asleep_word[w] = false;
      w = 0
    }
  :: else
  fi;
  goto next;
done:
  atomic { pushers_done++; rest() }
}

init {
  atomic {
    byte i = 0;
    do
    :: i < WORKERS -> run worker(i); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < PUSHERS -> run pusher(PUSHES); i++
    :: else -> break
    od;
    i = 0
  }
}
