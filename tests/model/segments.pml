/* A segment of the unbounded queue is recycled exactly once, when nobody is inside any more.
 *
 * Each slot: a putter publishes its item (S2) in the slot that it has claimed; a getter that has
 * claimed it, maybe before that, waits for the item, takes it out and leaves (D2), all with plain
 * stores. The getter of a segment's last slot retires the segment: it looks at the slots (D1) and
 * recycles the segment if all are left, else it links it to the retired (D3). Whoever retires
 * another one, or finds the queue empty, takes all the retired at once (an exchange), looks at
 * each (D1) and recycles it or links it again.
 *
 * The links are those of a stack: first, and one `next` for each segment.
 *
 * good all:
 * good all: SEGMENTS=1 SLOTS=3 LOOKERS=2
 * bad all: BAD_LEAVE_BEFORE_TAKE
 * bad all: BAD_LOOK_AT_LAST_ONLY
 * bad all: BAD_TAKE_NOT_RMW
 * bad all: BAD_LINK_NOT_RMW
 * bad all: BAD_NOT_LINKED
 */
#ifndef SEGMENTS
#define SEGMENTS 2
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef LOOKERS
#define LOOKERS 1
#endif
#define LAST (SLOTS - 1)
#define NONE 255
#define WORKERS (SEGMENTS * SLOTS + LOOKERS)

bool published[SEGMENTS * SLOTS], left[SEGMENTS * SLOTS];
byte first = NONE, next[SEGMENTS];
byte recycled[SEGMENTS];
byte done;

#define IN(slot) ((slot) / SLOTS)
#define TOUCH(segment) assert(recycled[segment] == 0)

/* D1, one slot after the other; `all_left` tells. */
inline look(in) {
  i = 0;
  all_left = true;
#ifdef BAD_LOOK_AT_LAST_ONLY
  i = LAST;
#endif
  do
  :: i < SLOTS && all_left ->
    atomic { TOUCH(in); all_left = left[in * SLOTS + i] };
    i++
  :: else -> break
  od
}

inline recycle_or_keep(in) {
  look(in);
  if
  :: all_left -> atomic { recycled[in]++; assert(recycled[in] == 1) }
  :: else ->
#ifndef BAD_NOT_LINKED
    do
    :: old = first;
      atomic { TOUCH(in); next[in] = old };
#ifdef BAD_LINK_NOT_RMW
      first = in;
      break
#else
      atomic { /* D3 */
        if
        :: first == old -> first = in; break
        :: else
        fi
      }
#endif
    od
#else
    skip
#endif
  fi
}

inline look_at_retired() {
  if
  :: first == NONE
  :: else ->
#ifdef BAD_TAKE_NOT_RMW
    mine = first;
    first = NONE;
#else
    atomic { mine = first; first = NONE };
#endif
    do
    :: mine != NONE ->
      then = next[mine];
      recycle_or_keep(mine);
      mine = then
    :: else -> break
    od
  fi;
  mine = NONE
}

proctype putter(byte k) {
  atomic { TOUCH(IN(k)); published[k] = true } /* S2 */
}

proctype getter(byte k) {
  byte i, mine = NONE, then, old;
  bool all_left;
  published[k];
#ifdef BAD_LEAVE_BEFORE_TAKE
  left[k] = true;
  TOUCH(IN(k));
#else
  atomic { TOUCH(IN(k)); left[k] = true }; /* D2 */
#endif
  if
  :: k % SLOTS == LAST ->
    look_at_retired();
    recycle_or_keep(IN(k))
  :: else
  fi;
  done++
}

proctype looker() {
  byte i, mine = NONE, then, old;
  bool all_left;
  look_at_retired();
  done++
}

/* When all is at rest, one more look finds what is left over, and it is the last. */
proctype last_looker() {
  byte i, mine = NONE, then, old;
  bool all_left;
  done == WORKERS;
  look_at_retired();
  i = 0;
  do
  :: i < SEGMENTS -> assert(recycled[i] == 1); i++
  :: else -> break
  od
}

init {
  atomic {
    byte k = 0;
    do
    :: k < SEGMENTS * SLOTS -> run putter(k); run getter(k); k++
    :: else -> break
    od;
    k = 0;
    do
    :: k < LOOKERS -> run looker(); k++
    :: else -> break
    od;
    run last_looker();
    k = 0
  }
}
