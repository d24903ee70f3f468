/* A segment of the unbounded queue is recycled exactly once, when nobody is inside any more.
 *
 * Each slot: a putter claims it (S1), moves its item in and publishes it (S2). A getter may claim
 * it before that (G1), waits for the item, takes it, and then (D2) exchanges `left` for BY_GETTER.
 * The getter of the last slot walks the others (D1): where the getter has not left yet it exchanges
 * `left` for BY_WALK (D3), and that getter, which finds this, goes on with the walk. The one who
 * reaches the end recycles.
 *
 * `published` is apart from `left`: a plain store of it into the word that carries the mark of the
 * walk too (BAD_PUBLISH_OVERWRITES) wipes that out, and the segment leaks.
 *
 * good all:
 * good all: SLOTS=4
 * bad all: BAD_PUBLISH_OVERWRITES
 * bad all: BAD_TAKE_NOT_RMW
 * bad all: BAD_WALK_NOT_RMW
 * bad all: BAD_NO_HAND_OVER
 */
#ifndef SLOTS
#define SLOTS 3
#endif
#define LAST (SLOTS - 1)

#define NOBODY 0
#define BY_GETTER 1
#define BY_WALK 2

bool published[SLOTS];
byte left[SLOTS];
bool put_claimed[SLOTS], get_claimed[SLOTS];
byte recycled, done;

proctype putter(byte k) {
  atomic { /* S1, in order */
    k == 0 || put_claimed[k - 1];
    put_claimed[k] = true
  };
  atomic { /* S2 */
    assert(recycled == 0);
    published[k] = true;
#ifdef BAD_PUBLISH_OVERWRITES
    left[k] = NOBODY
#endif
  }
}

proctype getter(byte k) {
  byte i, before;
  atomic { /* G1, in order */
    put_claimed[k] && (k == 0 || get_claimed[k - 1]);
    get_claimed[k] = true
  };
  published[k];
  if
  :: k == LAST -> i = 0
  :: else ->
#ifdef BAD_TAKE_NOT_RMW
    before = left[k];
    atomic { assert(recycled == 0); left[k] = BY_GETTER };
#else
    atomic { assert(recycled == 0); before = left[k]; left[k] = BY_GETTER }; /* D2 */
#endif
    i = k + 1;
    if
    :: before != BY_WALK -> goto out
    :: else
    fi
  fi;
  do /* D1 */
  :: i < LAST ->
    before = left[i];
    if
    :: before == BY_GETTER
    :: else ->
#ifdef BAD_WALK_NOT_RMW
      left[i] = BY_WALK;
#else
      atomic { before = left[i]; left[i] = BY_WALK }; /* D3 */
#endif
#ifndef BAD_NO_HAND_OVER
      if
      :: before == BY_GETTER
      :: else -> goto out
      fi
#endif
    fi;
    i++
  :: else -> break
  od;
  atomic { recycled++; assert(recycled == 1) };
out:
  atomic {
    done++;
    assert(done < SLOTS || recycled == 1)
  }
}

init {
  atomic {
    byte i = 0;
    do
    :: i < SLOTS -> run putter(i); run getter(i); i++
    :: else -> break
    od;
    i = 0
  }
}
