/* The shared mutex: no writer with anybody else, nobody waits without a reason, turns are kept, and
 * it may go when its last user has it.
 *
 *   come    a writer: free: one CAS; a reader: no writer has it, nobody waits: one CAS; else, under
 *           the inner lock: the same, or set `contended` in the same RMW, link, park
 *   leave   not contended: one CAS, the last touch; else, under the inner lock, settle:
 *           nobody holds it: if a writer has just left, all readers that wait come in; else one
 *             writer; only readers hold it and no writer waits: the readers come in
 *   give up under the inner lock: unlink, settle
 *
 * Strand 0 is a reader, 1 a writer, and so on in turns. Those of -DTIMED (R: the readers, W: the
 * writers) may give up once, and then come again. A writer that finds, inside, that nobody will
 * come again destroys the mutex once it is out.
 *
 * good all: STRANDS=3 ROUNDS=2
 * good all: STRANDS=4 ROUNDS=1
 * good all: STRANDS=3 ROUNDS=1 TIMED_W
 * good all: STRANDS=3 ROUNDS=1 TIMED_R
 * good all: STRANDS=4 ROUNDS=1 TIMED_W
 * bad all: STRANDS=3 BAD_LEAVE_NOT_CAS
 * bad all: STRANDS=3 BAD_CONTEND_NOT_RMW
 * bad all: STRANDS=3 BAD_LEAVE_FIRST
 * bad all: STRANDS=3 BAD_NO_SETTLE_ON_GIVING_UP TIMED_W
 * bad all: STRANDS=3 BAD_NO_UNLINK TIMED_W
 * bad all: STRANDS=3 BAD_NO_CLAIM TIMED_W
 * bad all: STRANDS=3 BAD_READERS_OVERTAKE
 * bad all: STRANDS=4 BAD_WRITERS_FIRST
 * bad all: STRANDS=3 BAD_ADMIT_BESIDE_WRITER
 */
#ifndef STRANDS
#define STRANDS 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif

#define IS_WRITER(s) (s % 2 == 1)
#ifdef TIMED_W
#define HAS_LIMIT(s) IS_WRITER(s)
#elif defined(TIMED_R)
#define HAS_LIMIT(s) (!IS_WRITER(s))
#else
#define HAS_LIMIT(s) false
#endif

#define WAITING 0
#define COMPLETED 1
#define TIMED_OUT 2

bool written, contended; /* the word */
byte readers;
bool locked, readers_turn;
bool linked[STRANDS];

byte claim[STRANDS];
bool frame[STRANDS], notified[STRANDS];

bool destroyed;
byte readers_in, writers_in, users = STRANDS;
byte passed_reader; /* writers in a row that came in past readers who wait */
bool passed_writer; /* a reader came past a writer who waits, but not with its own kind's turn */

#define TOUCH assert(!destroyed)

inline lock() { atomic { !locked -> TOUCH; locked = true } }
inline unlock() { atomic { TOUCH; locked = false } }

/* Within an atomic step: the numbers of those who are linked. */
inline count_waiting() {
  wait_r = 0;
  wait_w = 0;
  i = 0;
  do
  :: i < STRANDS ->
    if
    :: linked[i] && IS_WRITER(i) -> wait_w++
    :: linked[i] && !IS_WRITER(i) -> wait_r++
    :: else
    fi;
    i++
  :: else -> i = 0; break
  od
}

/* Claims the reader or writer s: a step of its own in the code, but one that others cannot tell
 * from the whole: what they do meanwhile, giving up, could have come before it. */
inline win(s) {
  assert(frame[s]);
  linked[s] = false;
#ifdef BAD_NO_CLAIM
  claim[s] = COMPLETED;
  jobs[s] = true;
  won = true
#else
  won = claim[s] == WAITING;
  if
  :: won -> claim[s] = COMPLETED; jobs[s] = true
  :: else
  fi
#endif
}

inline admit_readers() {
  s = 0;
  do
  :: s < STRANDS ->
    if
    :: linked[s] && !IS_WRITER(s) ->
      win(s);
      if
      :: won -> readers++
      :: else
      fi
    :: else
    fi;
    s++
  :: else -> s = 0; break
  od
}

inline admit_writer() {
  do
  :: true ->
    count_waiting();
    if
    :: wait_w == 0 -> break
    :: else
    fi;
    do
    :: linked[s] && IS_WRITER(s) -> break
    :: else -> s++
    od;
    win(s);
    s = 0;
    if
    :: won -> written = true; if :: wait_r > 0 -> passed_reader++ :: else fi; break
    :: else
    fi
  od
}

/* Under the inner lock. */
inline settle() {
  d_step {
    TOUCH;
    count_waiting();
#ifndef BAD_WRITERS_FIRST
    if
    :: !written && readers == 0 && readers_turn -> admit_readers()
    :: else
    fi;
#endif
    if
    :: !written && readers == 0 -> admit_writer()
    :: else
    fi;
    count_waiting();
    if
#ifdef BAD_ADMIT_BESIDE_WRITER
    :: wait_w == 0 -> admit_readers()
#else
    :: !written && wait_w == 0 -> admit_readers()
#endif
    :: else
    fi;
    count_waiting();
    contended = wait_r + wait_w > 0;
    if
    :: wait_r == 0 -> passed_reader = 0
    :: else
    fi;
    assert(passed_reader <= 1)
  }
}

inline unpark_jobs() {
  i = 0;
  do
  :: i < STRANDS ->
    if
    :: jobs[i] -> atomic { assert(frame[i]); jobs[i] = false; notified[i] = true }
    :: else
    fi;
    i++
  :: else -> i = 0; break
  od
}

#ifdef BAD_READERS_OVERTAKE
#define READER_MAY_COME !written
#else
#define READER_MAY_COME (!written && !contended)
#endif
#define MAY_COME                                                  \
  ((IS_WRITER(me) && !written && readers == 0 && !contended) || \
   (!IS_WRITER(me) && READER_MAY_COME))

/* Within an atomic step. */
inline come_in() {
  if
  :: IS_WRITER(me) -> written = true
  :: else ->
    readers++;
    count_waiting();
    passed_writer = wait_w > 0;
    assert(!passed_writer)
  fi
}

inline take_off() {
  if
  :: IS_WRITER(me) -> written = false
  :: else -> readers--
  fi
}

proctype strand(byte me) {
  byte round, i, s, wait_r, wait_w;
  bool mine, last, won, gave_up;
  bool jobs[STRANDS];
again:
  atomic {
    TOUCH;
    mine = MAY_COME;
    if
    :: mine -> come_in(); goto in
    :: else
    fi
  };
  lock();
#ifdef BAD_CONTEND_NOT_RMW
  atomic { TOUCH; mine = MAY_COME };
  atomic {
    if
    :: mine -> come_in()
    :: else -> contended = true
    fi
  };
#else
  atomic {
    TOUCH;
    mine = MAY_COME;
    if
    :: mine -> come_in()
    :: else -> contended = true
    fi
  };
#endif
  if
  :: mine -> unlock(); goto in
  :: else
  fi;
  atomic {
    claim[me] = WAITING;
    notified[me] = false;
    frame[me] = true;
    linked[me] = true
  };
  unlock();
  if /* park */
  :: notified[me]
  :: atomic { HAS_LIMIT(me) && !gave_up && claim[me] == WAITING -> claim[me] = TIMED_OUT };
    gave_up = true;
    goto late
  fi;
  frame[me] = false;
in:
  atomic {
    if
    :: IS_WRITER(me) -> writers_in++
    :: else -> readers_in++
    fi;
    assert(writers_in == 0 || (writers_in == 1 && readers_in == 0))
  };
  round++;
  atomic {
    if
    :: round == ROUNDS -> users--; last = users == 0 && IS_WRITER(me)
    :: else
    fi
  };
  atomic {
    if
    :: IS_WRITER(me) -> writers_in--
    :: else -> readers_in--
    fi
  };
retry:
#ifdef BAD_LEAVE_FIRST
  atomic { TOUCH; take_off(); mine = contended };
  if
  :: !mine -> goto out
  :: else
  fi;
#elif defined(BAD_LEAVE_NOT_CAS)
  atomic { TOUCH; mine = contended };
  if
  :: !mine -> atomic { TOUCH; take_off() }; goto out
  :: else
  fi;
#else
  atomic {
    TOUCH;
    if
    :: !contended -> take_off(); goto out
    :: else
    fi
  };
#endif
  lock();
  if
  :: !contended -> unlock(); goto retry
  :: else
  fi;
#ifndef BAD_LEAVE_FIRST
  atomic { TOUCH; take_off() };
#endif
  readers_turn = IS_WRITER(me);
  settle();
  unlock();
  unpark_jobs();
out:
  if
  :: last ->
    atomic {
      TOUCH;
      assert(!written && readers == 0 && !contended);
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
  if
  :: linked[me] ->
    linked[me] = false;
#ifndef BAD_NO_SETTLE_ON_GIVING_UP
    settle()
#endif
  :: else
  fi;
#endif
  unlock();
  unpark_jobs();
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
  assert(!written && readers == 0 && !contended)
}
