// Atomics: the newest values of each, and which of them a load may read.
//
// The stores of one atomic are ordered as they happen. A load may read any of the last few that
// neither a newer store nor a load of a newer store forbids, of those which the loading strand has
// seen (coherence), and if it is seq_cst none older than the last seq_cst store or load of that
// atomic. An acquire load joins what was released with the store that it reads; a read-modify-write
// reads the newest and hands on what the store that it replaced had released.
//
// A store that is not seq_cst may also happen late, as in the store buffer of a processor: together
// with those behind it before the strand's next read-modify-write, seq_cst store or call of the
// kernel. Until then only the strand itself reads it.
//
// Not tried: stores that become ordered otherwise than that, loads that read a later store.
#include <cstring>

#include "engine/driver.hpp"
#include "engine/hooks.hpp"
#include "engine/state.hpp"
#include "engine/weaker.hpp"

namespace sluice::explore {
namespace {

constexpr unsigned most_locations = 1024;
constexpr unsigned kept_stores = 8;

struct stored {
  clocks released;    ///< what an acquire load of it learns
  clocks first_read;  ///< when each strand read it first; 0: never
  std::uint64_t value;
  std::int16_t at;
  std::uint8_t by;
};

struct location {
  const void* at;
  unsigned size;
  unsigned key;            ///< into `sharing`
  unsigned stores;         ///< how many there were; the last ones are kept
  unsigned ordered_floor;  ///< no seq_cst load may read an older one
  unsigned floor[most_strands];
  stored kept[kept_stores];

  stored& store_number(unsigned n) noexcept { return kept[n % kept_stores]; }
  stored& newest() noexcept { return store_number(stores - 1); }
};

/// A store that has not happened yet.
struct late_store {
  void* at;
  unsigned size;
  std::uint64_t value;
  clocks released;
  std::int16_t when;  ///< by the strand's clock
};
struct late_stores {
  static constexpr unsigned most = 16;
  late_store all[most];
  unsigned count;
};
late_stores late[most_strands];

location locations[most_locations];
unsigned location_count = 0;

/// Beside each location, only in a run that looks for weaker orders.
struct weaker_location {
  instead<unsigned> ordered_floor;
  instead<clocks> released[kept_stores];
};
weaker_location weaker_locations[most_locations];

weaker_location& weaker_of(const location& one) noexcept {
  return weaker_locations[&one - locations];
}

/// Which location begins at a byte of the region: its number, and the schedule in which that holds.
struct entry {
  std::uint32_t generation;
  std::uint32_t number;
};
entry entries[region_bytes];

/// Across schedules of one scenario: the strands that used an atomic at that place, in the high
/// bit whether it was changed after the strands began. Steps on atomics that are not shared need no
/// switch before them: they commute with whatever others do.
std::uint8_t sharing[region_bytes + most_statics];
constexpr std::uint8_t changed = 0x80;
bool learned = false;

struct static_atomic {
  const void* at;
  unsigned size;
  std::uint64_t initial;
  location* found;
};
static_atomic statics[most_statics];
unsigned static_count = 0;

std::uint64_t value_at(const void* at, unsigned size) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, at, size);
  return value;
}

location& add_location(const void* at, unsigned size, unsigned key) noexcept {
  if (location_count == most_locations) fail(failure::engine, "too many atomics in a schedule");
  location& one = locations[location_count++];
  one.at = at;
  one.size = size;
  one.key = key;
  one.stores = 1;
  one.ordered_floor = 0;
  std::memset(one.floor, 0, sizeof(one.floor));
  one.kept[0] = stored{};
  one.kept[0].value = value_at(at, size);
  if (looks_for_weaker) {
    weaker_of(one).ordered_floor.clear();
    weaker_of(one).released[0].clear();
  }
  return one;
}

location& static_location(const void* at, unsigned size) noexcept {
  unsigned i = 0;
  while (i < static_count && statics[i].at != at) ++i;
  if (i == static_count) {
    if (i == most_statics) fail(failure::engine, "too many static atomics");
    statics[static_count++] = {at, size, value_at(at, size), nullptr};
  }
  if (statics[i].found == nullptr) {
    statics[i].found = &add_location(at, size, static_cast<unsigned>(region_bytes) + i);
  }
  return *statics[i].found;
}

location& location_of(const void* at, unsigned size) noexcept {
  const std::size_t offset = offset_of(at);
  if (offset >= region_bytes) return static_location(at, size);
  entry& known = entries[offset];
  if (known.generation != s.generation) {
    location& one = add_location(at, size, static_cast<unsigned>(offset));
    known = {s.generation, static_cast<std::uint32_t>(&one - locations)};
  }
  return locations[known.number];
}

bool is_shared(std::uint8_t how) noexcept {
  const unsigned strands = how & 0x7fU;
  return (how & changed) != 0 && (strands & (strands - 1)) != 0;
}

void note_use(const location& one, bool changes) noexcept {
  if (s.current == 0 || !me().begun) return;
  std::uint8_t& how = sharing[one.key];
  const auto with =
      static_cast<std::uint8_t>(how | 1U << (s.current - 1) | (changes ? changed : 0));
  if (with == how) return;
  learned |= is_shared(with) && !is_shared(how);
  how = with;
}

location& begin_operation(const void* at, unsigned size) noexcept {
  const std::size_t offset = offset_of(at);
  unsigned key = static_cast<unsigned>(offset);
  if (offset >= region_bytes) key = static_location(at, size).key;
  before_operation(is_shared(sharing[key]));
  atomic_access(at, size);
  return location_of(at, size);
}

bool acquires(std::memory_order order) noexcept {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
bool releases(std::memory_order order) noexcept {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

/// The oldest store that the strand may still read.
unsigned oldest_for(location& one, std::memory_order order, unsigned ordered_floor) noexcept {
  unsigned oldest = one.floor[s.current];
  if (order == std::memory_order_seq_cst && oldest < ordered_floor) oldest = ordered_floor;
  if (one.stores > kept_stores && oldest < one.stores - kept_stores) {
    oldest = one.stores - kept_stores;
  }
  const clocks seen = me().seen;
  for (unsigned n = one.stores - 1; n > oldest; --n) {
    const stored& that = one.store_number(n);
    bool known = that.at <= seen[that.by];
    for (unsigned i = 0; i < most_strands && !known; ++i) {
      known = that.first_read[i] != 0 && that.first_read[i] <= seen[i];
    }
    if (known) return n;
  }
  return oldest;
}

// ---- what mutants would do instead: each `given` is an order with those that it carries

/// Would one choose from more stores?
void look_at_choice(location& one, std::memory_order given, unsigned oldest) noexcept {
  const instead<unsigned>& floors = weaker_of(one).ordered_floor;
  weaker_orders here{given};
  here.add(floors);
  for (const auto& [mutant, order] : here) {
    if (oldest_for(one, order, floors.of(mutant, one.ordered_floor)) != oldest) met[mutant] = true;
  }
}

void note_floor(location& one, int mutant, unsigned floor) noexcept {
  instead<unsigned>& floors = weaker_of(one).ordered_floor;
  floor == one.ordered_floor ? floors.drop(mutant) : floors.set(mutant, floor);
}

/// Would one have learned less from a store that was read?
void look_at_read(location& one, unsigned n, std::memory_order given, clocks seen_before,
                  unsigned floor_before) noexcept {
  const instead<unsigned>& floors = weaker_of(one).ordered_floor;
  const instead<clocks>& releases = weaker_of(one).released[n % kept_stores];
  weaker_orders here{given};
  here.add(floors);
  here.add(releases);
  for (const auto& [mutant, order] : here) {
    clocks seen = seen_before;
    if (acquires(order)) seen = join(seen, releases.of(mutant, one.store_number(n).released));
    if (any_unseen(me().seen, seen)) {
      met[mutant] = true;
      continue;
    }
    const unsigned floor = floors.of(mutant, floor_before);
    note_floor(one, mutant, order == std::memory_order_seq_cst && floor < n ? n : floor);
  }
}

/// What does the newest store release there? It `replaces` the one before, which had released
/// `handed_on`.
void look_at_store(location& one, std::memory_order given, bool replaces, clocks handed_on,
                   unsigned floor_before) noexcept {
  weaker_location& weaker = weaker_of(one);
  const unsigned n = one.stores - 1;
  const instead<clocks> replaced =
      replaces ? weaker.released[(n - 1) % kept_stores] : instead<clocks>{};
  weaker.released[n % kept_stores].clear();
  weaker_orders here{given};
  here.add(weaker.ordered_floor);
  here.add(replaced);
  for (const auto& [mutant, order] : here) {
    clocks released = replaced.of(mutant, handed_on);
    if (releases(order)) released = join(me().seen, released);
    if (any_unseen(one.newest().released, released)) {
      weaker.released[n % kept_stores].set(mutant, released);
    }
    const unsigned floor = weaker.ordered_floor.of(mutant, floor_before);
    note_floor(one, mutant, order == std::memory_order_seq_cst ? n : floor);
  }
}

// ---- what is done

stored& read_store(location& one, unsigned n, std::memory_order given) noexcept {
  const std::memory_order order = bare(given);
  stored& that = one.store_number(n);
  strand& self = me();
  const clocks seen_before = self.seen;
  const unsigned floor_before = one.ordered_floor;
  one.floor[s.current] = n;
  if (that.first_read[s.current] == 0) that.first_read[s.current] = self.seen[s.current];
  if (order == std::memory_order_seq_cst && one.ordered_floor < n) one.ordered_floor = n;
  if (acquires(order)) self.seen = join(self.seen, that.released);
  if (looks_for_weaker) look_at_read(one, n, given, seen_before, floor_before);
  return that;
}

unsigned choose_store(location& one, std::memory_order given) noexcept {
  const unsigned newest = one.stores - 1;
  strand& self = me();
  const bool fresh = self.looks_fresh || s.rounds != 0;
  self.looks_fresh = false;
  if (fresh || one.floor[s.current] == newest) return newest;
  const unsigned oldest = oldest_for(one, bare(given), one.ordered_floor);
  if (looks_for_weaker) look_at_choice(one, given, oldest);
  if (oldest == newest) return newest;
  return newest - deciding.choose(question::value, 2 * s.step + 1, newest - oldest + 1, nullptr);
}

void add_store(location& one, const late_store& what) noexcept {
  const bool differs = one.newest().value != what.value;
  stored& that = one.store_number(one.stores++);
  that.released = what.released;
  that.first_read = clocks{};
  that.value = what.value;
  that.at = what.when;
  that.by = static_cast<std::uint8_t>(s.current);
  one.floor[s.current] = one.stores - 1;
  std::memcpy(what.at, &what.value, one.size);
  if (differs) note_change();
}

/// `replaced`: of a read-modify-write, the store that it has read.
void add_store(location& one, std::uint64_t value, std::memory_order given, const stored* replaced,
               void* at) noexcept {
  const std::memory_order order = bare(given);
  const clocks handed_on = replaced != nullptr ? replaced->released : clocks{};
  const unsigned floor_before = one.ordered_floor;
  const clocks released = releases(order) ? join(me().seen, handed_on) : handed_on;
  add_store(one, {at, one.size, value, released, me().seen[s.current]});
  if (order == std::memory_order_seq_cst) one.ordered_floor = one.stores - 1;
  if (looks_for_weaker) look_at_store(one, given, replaced != nullptr, handed_on, floor_before);
}

/// A store that is not seq_cst may happen late, and then releases less where its order is weaker.
void count_as_changed(std::memory_order given) noexcept {
  for (const auto& each : weaker_orders{given}) met[each.mutant] = true;
}

bool happens_late(const location& one, std::memory_order order) noexcept {
  if (order == std::memory_order_seq_cst || s.current == 0 || !is_shared(sharing[one.key])) {
    return false;
  }
  if (late[s.current].count == late_stores::most) make_stores();
  return deciding.choose(question::late, 2 * s.step + 1, 2, nullptr) != 0;
}

/// The newest of the strand's own stores to that place that has not happened; null: none.
const late_store* own_late_store(const void* at) noexcept {
  const late_stores& mine = late[s.current];
  for (unsigned i = mine.count; i > 0; --i) {
    if (mine.all[i - 1].at == at) return &mine.all[i - 1];
  }
  return nullptr;
}

/// The place ends: nothing may happen there any more.
void make_own_stores_to(const void* at) noexcept {
  if (own_late_store(at) != nullptr) make_stores();
}

std::uint64_t cut(std::uint64_t value, unsigned size) noexcept {
  return size == 8 ? value : value & ((std::uint64_t{1} << (8 * size)) - 1);
}

std::uint64_t result_of(change how, std::uint64_t a, std::uint64_t b) noexcept {
  switch (how) {
    case change::exchange:
      return b;
    case change::add:
      return a + b;
    case change::subtract:
      return a - b;
    case change::bits_or:
      return a | b;
    case change::bits_and:
      return a & b;
    case change::bits_xor:
      break;
  }
  return a ^ b;
}

void note(const char* what, const void* at, const place& where, std::uint64_t value,
          std::uint64_t former, std::memory_order order, bool stale = false) noexcept {
  if (!s.tracing) return;
  note_event({.what = what,
              .at = at,
              .pc = nullptr,
              .where = where,
              .value = value,
              .former = former,
              .order = bare(order),
              .stale = stale});
}

}  // namespace

void make_stores() noexcept {
  late_stores& mine = late[s.current];
  for (unsigned i = 0; i < mine.count; ++i) {
    const late_store& one = mine.all[i];
    location& there = location_of(one.at, one.size);
    add_store(there, one);
    if (looks_for_weaker) {
      look_at_store(there, std::memory_order_relaxed, false, clocks{}, there.ordered_floor);
    }
    if (s.tracing) note_event({.what = "a late store happens", .at = one.at});
  }
  mine.count = 0;
}

void begin_locations() noexcept {
  location_count = 0;
  for (late_stores& one : late) one.count = 0;
  learned = false;
  for (unsigned i = 0; i < static_count; ++i) statics[i].found = nullptr;
}

void end_locations() noexcept {
  for (unsigned i = 0; i < static_count; ++i) {
    std::memcpy(const_cast<void*>(statics[i].at), &statics[i].initial, statics[i].size);
  }
}

void forget_sharing() noexcept { std::memset(sharing, 0, sizeof(sharing)); }
bool learned_sharing() noexcept { return learned; }

std::uint64_t newest_value(const void* at, unsigned size) noexcept {
  return location_of(at, size).newest().value;
}

bool static_atomic_holds(const void* from, std::size_t size) noexcept {
  for (unsigned i = 0; i < static_count; ++i) {
    const std::uint64_t value = value_at(statics[i].at, statics[i].size);
    if (value - reinterpret_cast<std::uint64_t>(from) < size) return true;
  }
  return false;
}

void forget_locations(const void* from, std::size_t size) noexcept {
  for (std::size_t i = 0; late[s.current].count != 0 && i < size; ++i) {
    make_own_stores_to(static_cast<const char*>(from) + i);
  }
  const std::size_t first = offset_of(from);
  for (std::size_t i = 0; i < size; ++i) entries[first + i].generation = 0;
}

void atomic_begins(void* at, unsigned size) noexcept {
  if (!s.running || offset_of(at) >= region_bytes) return;
  make_own_stores_to(at);
  plain_access(at, size, true, __builtin_return_address(0));
  entries[offset_of(at)].generation = 0;
}

void atomic_ends(void* at, unsigned size) noexcept {
  if (!s.running || offset_of(at) >= region_bytes) return;
  make_own_stores_to(at);
  plain_access(at, size, true, __builtin_return_address(0));
  entries[offset_of(at)].generation = 0;
}

std::uint64_t atomic_load(const void* at, unsigned size, std::memory_order order,
                          const place& where) noexcept {
  // The parker of this thread is no step: the driver sets it as it goes from strand to strand.
  if (!s.running || at == parker_slot) return value_at(at, size);
  location& one = begin_operation(at, size);
  note_use(one, false);
  if (const late_store* own = own_late_store(at)) {
    tick();
    note("load", at, where, own->value, 0, order);
    return own->value;
  }
  const unsigned n = choose_store(one, order);
  const stored& that = read_store(one, n, order);
  tick();
  note("load", at, where, that.value, 0, order, n + 1 != one.stores);
  return that.value;
}

/// What all have stored happens now, and nobody reads anything older from now on.
void process_barrier() noexcept {
  if (!s.running) return;
  before_operation(true);
  const unsigned sender = s.current;
  clocks all{};
  for (s.current = 0; s.current < s.count; ++s.current) {
    make_stores();
    all = join(all, me().seen);
  }
  for (unsigned i = 0; i < s.count; ++i) s.strands[i].seen = all;
  s.current = sender;
  note_change();
  if (s.tracing) note_event({.what = "a barrier in all threads", .at = nullptr});
  tick();
}

void atomic_store(void* at, unsigned size, std::uint64_t value, std::memory_order order,
                  const place& where) noexcept {
  if (!s.running || at == parker_slot) return void(std::memcpy(at, &value, size));
  location& one = begin_operation(at, size);
  note_use(one, true);
  if (looks_for_weaker && bare(order) == std::memory_order_seq_cst) count_as_changed(order);
  if (happens_late(one, bare(order))) {
    if (looks_for_weaker) count_as_changed(order);
    note("store, late,", at, where, value, one.newest().value, order);
    const clocks released = releases(bare(order)) ? me().seen : clocks{};
    late_stores& mine = late[s.current];
    mine.all[mine.count++] = {at, size, value, released, me().seen[s.current]};
    return void(tick());
  }
  make_stores();
  note("store", at, where, value, one.newest().value, order);
  add_store(one, value, order, nullptr, at);
  tick();
}

std::uint64_t atomic_change(void* at, unsigned size, change how, std::uint64_t operand,
                            std::memory_order order, const place& where) noexcept {
  if (!s.running) {
    const std::uint64_t former = value_at(at, size);
    const std::uint64_t value = result_of(how, former, operand);
    std::memcpy(at, &value, size);
    return former;
  }
  location& one = begin_operation(at, size);
  note_use(one, true);
  make_stores();
  const stored that = read_store(one, one.stores - 1, order);
  const std::uint64_t value = cut(result_of(how, that.value, operand), size);
  note("change", at, where, value, that.value, order);
  add_store(one, value, order, &that, at);
  tick();
  return that.value;
}

bool atomic_compare_exchange(void* at, unsigned size, std::uint64_t& expected,
                             std::uint64_t desired, std::memory_order on_success,
                             std::memory_order on_failure, strength how,
                             const place& where) noexcept {
  if (!s.running) {
    const std::uint64_t former = value_at(at, size);
    if (former == expected) std::memcpy(at, &desired, size);
    return former == expected ? true : (expected = former, false);
  }
  location& one = begin_operation(at, size);
  note_use(one, true);
  make_stores();
  const bool fails_anyway = how == strength::weak && one.newest().value == expected &&
                            deciding.choose(question::chance, 2 * s.step + 1, 2, nullptr) != 0;
  if (fails_anyway) {
    read_store(one, one.stores - 1, on_failure);
    note("compare-exchange fails without a cause", at, where, expected, expected, on_failure);
    tick();
    return false;
  }
  if (one.newest().value == expected) {
    const stored that = read_store(one, one.stores - 1, on_success);
    note("compare-exchange", at, where, desired, that.value, on_success);
    add_store(one, desired, on_success, &that, at);
    tick();
    return true;
  }
  // It fails, perhaps for an older value; the very value that it expects would make it succeed.
  unsigned n = choose_store(one, on_failure);
  if (one.store_number(n).value == expected) n = one.stores - 1;
  const stored& that = read_store(one, n, on_failure);
  note("compare-exchange fails", at, where, that.value, expected, on_failure, n + 1 != one.stores);
  expected = that.value;
  tick();
  return false;
}

}  // namespace sluice::explore
