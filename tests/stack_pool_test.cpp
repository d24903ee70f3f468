// Stacks: their sizes, their guards of every kind, and that memory comes and goes with use.
#include "fiber/stack_pool.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fiber/guard.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/watch.hpp"

namespace {

using sluice::detail::guard_kind;
using sluice::detail::page_size;
using sluice::detail::stack_pool;
using sluice::detail::stack_slot;

/// Would a touch of the byte fault? The kernel tries it for us.
bool faults(const std::byte* at) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const bool fault = ::write(ends[1], at, 1) == -1 && errno == EFAULT;
  ::close(ends[0]);
  ::close(ends[1]);
  return fault;
}

/// How many pages of the stack have memory.
std::size_t pages_of(const stack_slot& slot) {
  // Rounded up, and one more for AddressSanitizer's idea of what the call writes.
  std::vector<unsigned char> present(slot.size() / page_size() + 2);
  REQUIRE(::mincore(slot.bottom(), slot.size(), present.data()) == 0);
  std::size_t count = 0;
  for (const unsigned char one : present) count += one & 1U;
  return count;
}

stack_pool& pool_for(std::size_t size) { return stack_pool::of_class(stack_pool::class_for(size)); }

/// Takes `count` stacks, which the promises allow, and gives them back at the end.
class taken {
 public:
  taken(stack_pool& from, std::size_t count) : from_(from), count_(count) {
    from.promise(count);
    for (std::size_t i = 0; i < count; ++i) slots.push_back(&from.take());
  }
  taken(const taken&) = delete;
  taken& operator=(const taken&) = delete;
  ~taken() {
    for (stack_slot* slot : slots) from_.give(*slot);
    from_.release(count_);
  }
  std::vector<stack_slot*> slots;

 private:
  stack_pool& from_;
  std::size_t count_;
};

/// Prints the number of stacks without a guard after some were used under that limit.
void run_with(guard_kind strongest) {
  sluice::detail::limit_guards(strongest);
  sluice::runtime rt{{.workers = 1}};
  const sluice::channel<int> gate;
  std::vector<sluice::task<void>> tasks;
  for (int i = 0; i < 50; ++i) tasks.push_back(rt.go([gate] { gate.join(); }));
  rt.run([] {});
  gate.close();
  for (auto& task : tasks) task.join();
  std::cout << rt.stats().unguarded_stacks << " of " << rt.stats().stacks << "\n";
}

[[gnu::noinline]] int dive(int depth) {
  volatile char room[512];
  room[0] = static_cast<char>(depth);
  if (depth == std::numeric_limits<int>::max()) return 0;
  return dive(depth + 1) + room[0];
}

const test::child by_advice("guards by advice", [] { run_with(guard_kind::madvise); });
const test::child by_protection("guards by protection", [] {
  run_with(guard_kind::mprotect);
  sluice::go({.name = "diver"}, dive, 0).join();
});
const test::child no_guards("no guards", [] { run_with(guard_kind::none); });
const test::child many_protected("more than the kernel protects", [] {
  // Twice as many as fit below vm.max_map_count.
  sluice::detail::limit_guards(guard_kind::mprotect);
  sluice::runtime rt{{.workers = 1}};
  const sluice::channel<int> gate;
  std::vector<sluice::task<void>> tasks;
  for (int i = 0; i < 70'000; ++i) tasks.push_back(rt.go([gate] { gate.join(); }));
  rt.run([] {});
  gate.close();
  for (auto& task : tasks) task.join();
  std::cout << (rt.stats().unguarded_stacks > 0 ? "some" : "none");
});

std::size_t lines_of(const std::string& text) {
  std::size_t count = 0;
  for (const char c : text) count += c == '\n' ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("the class of a size holds at least as many bytes") {
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{4096}, std::size_t{16384}, std::size_t{16385},
        std::size_t{128 * 1024}, std::size_t{1024 * 1024}, std::size_t{1024 * 1024 + 1}}) {
    CAPTURE(size);
    const taken one(pool_for(size), 1);
    CHECK(one.slots[0]->size() >= size);
    CHECK(reinterpret_cast<std::uintptr_t>(one.slots[0]->top()) % 64 == 0);
  }
  CHECK_THROWS_AS(static_cast<void>(stack_pool::class_for((std::size_t{1} << 30) + 1)),
                  std::length_error);
  CHECK_THROWS_AS(static_cast<void>(stack_pool::class_for(std::numeric_limits<std::size_t>::max())),
                  std::length_error);
}

TEST_CASE("each stack can be used from end to end, and its guard faults") {
  const taken some(pool_for(64 * 1024), 20);
  std::set<std::byte*> bottoms;
  for (const stack_slot* slot : some.slots) {
    bottoms.insert(slot->bottom());
    std::memset(slot->bottom(), 0x5a, slot->size());
    CHECK(faults(slot->bottom() - 1));
    CHECK(faults(slot->bottom() - stack_pool::guard_size / 2));
    CHECK(faults(slot->bottom() - stack_pool::guard_size));
    CHECK_FALSE(faults(slot->bottom()));
    CHECK_FALSE(faults(slot->top() - 1));
  }
  CHECK(bottoms.size() == 20);
}

TEST_CASE("a stack takes no memory until it is touched") {
  // A size of which nobody else has used a stack.
  const taken some(pool_for(4 * 1024 * 1024), 8);
  for (const stack_slot* slot : some.slots) {
    CHECK(pages_of(*slot) == 0);
    *(slot->top() - 1) = std::byte{1};
    CHECK(pages_of(*slot) == 1);
  }
}

TEST_CASE("a stack that was given back is the next one taken") {
  stack_pool& pool = pool_for(32 * 1024);
  pool.promise(1);
  stack_slot& first = pool.take();
  pool.give(first);
  stack_slot& second = pool.take();
  CHECK(&first == &second);
  pool.give(second);
  pool.release(1);
}

TEST_CASE("trimming gives the memory of free stacks back and leaves their guards") {
  if (test::slowness > 1) return;  // under ThreadSanitizer memory is kept
  constexpr std::size_t size = 512 * 1024;
  constexpr std::size_t count = 300;
  stack_pool& pool = pool_for(size);
  std::vector<const stack_slot*> slots;
  {
    const taken some(pool, count);
    for (stack_slot* slot : some.slots) {
      std::memset(slot->bottom(), 1, slot->size());
      slots.push_back(slot);
    }
  }
  const auto used = [&] {
    std::size_t pages = 0;
    for (const stack_slot* slot : slots) pages += pages_of(*slot);
    return pages;
  };
  const std::size_t before = used();
  CHECK(before >= count * size / page_size());
  CHECK_FALSE(stack_pool::trim(10));
  CHECK(used() <= before - 10 * size / page_size());
  CHECK(used() > before - 11 * before / count);
  while (!stack_pool::trim(1000)) test::progress();
  CHECK(used() < before / 3);  // a few are kept for the next fibers
  for (const stack_slot* slot : slots) CHECK(faults(slot->bottom() - 1));
  // They can be taken again.
  const taken again(pool, count);
  for (const stack_slot* slot : again.slots) std::memset(slot->bottom(), 2, slot->size());
}

TEST_CASE("a pool finds the stack of an address") {
  const taken some(pool_for(256 * 1024), 3);
  for (const stack_slot* slot : some.slots) {
    const stack_slot* found = nullptr;
    const stack_slot* below = nullptr;
    for (auto* slab = stack_pool::all_slabs(); slab != nullptr; slab = slab->older_of_all) {
      if (auto* one = slab->find(slot->bottom() + 100)) found = one;
      if (auto* one = slab->find(slot->bottom() - 100)) below = one;
    }
    CHECK(found == slot);
    CHECK(below == slot);  // the guard belongs to the stack above it
  }
}

TEST_CASE("a place is one word that is found by its number, and tells it") {
  using sluice::detail::stack_slots;
  CHECK(sizeof(stack_slot) == 8);
  const taken some(pool_for(32 * 1024), 1200);  // some pages of places, the last not whole
  std::set<const stack_slot*> places;
  std::size_t used = 0;
  for (auto* slab = stack_pool::all_slabs(); slab != nullptr; slab = slab->older_of_all) {
    for (std::size_t i = 0; i < slab->used(); ++i) {
      const stack_slot& one = slab->slot(i);
      places.insert(&one);
      CHECK(slab->place_of(one) == i);
      CHECK(stack_slots::of(one).slab == slab);
      CHECK(one.bottom() == slab->base + i * slab->stride + stack_pool::guard_size);
      CHECK(one.size() >= slab->stack_size);
      CHECK(one.top() <= slab->base + (i + 1) * slab->stride);
      CHECK(slab->find(one.bottom()) == &one);
    }
    used += slab->used();
  }
  CHECK(places.size() == used);
  CHECK(used >= some.slots.size());
}

TEST_CASE("places that were used one after the other lie in lines of their own") {
  const taken some(pool_for(1024 * 1024), 64);
  std::set<std::uintptr_t> lines;
  for (const stack_slot* slot : some.slots) {
    lines.insert(reinterpret_cast<std::uintptr_t>(slot) / sluice::detail::cache_line);
  }
  CHECK(lines.size() >= some.slots.size() / 2);
}

TEST_CASE("a stack is fresh until it has had an owner, and again when its memory was given back") {
  stack_pool& pool = pool_for(16 * 1024 * 1024);
  pool.promise(1);
  stack_slot& slot = pool.take();
  CHECK(slot.fresh());
  CHECK(slot.owner() == nullptr);
  alignas(8) char owner = 0;
  slot.set_owner(&owner);
  CHECK(slot.owner() == &owner);
  CHECK(slot.pin() == &owner);
  CHECK(slot.owner() == &owner);
  slot.unpin();
  slot.clear_owner();
  CHECK(slot.owner() == nullptr);
  CHECK(slot.pin() == nullptr);
  CHECK_FALSE(slot.fresh());
  pool.give(slot);
  CHECK(&pool.take() == &slot);
  CHECK_FALSE(slot.fresh());
  slot.set_fresh();
  pool.give(slot);
  CHECK(&pool.take() == &slot);
  CHECK(slot.fresh());
  pool.give(slot);
  pool.release(1);
}

TEST_CASE("threads take and give stacks at once, and none is in two hands") {
  stack_pool& pool = pool_for(16 * 1024);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      auto random = test::random_for("stacks", static_cast<std::uint64_t>(i));
      for (int round = 0; round < 2'000 / test::slowness; ++round) {
        const taken some(pool, 1 + random() % 8);
        for (stack_slot* slot : some.slots) *(slot->top() - 1) = static_cast<std::byte>(i);
        for (stack_slot* slot : some.slots) {
          if (*(slot->top() - 1) != static_cast<std::byte>(i)) ++wrong;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("each kind of guard works, and stacks without one are counted and warned of once") {
  const test::ending advice = by_advice.run();
  CAPTURE(advice);
  CHECK(advice.exit_code == 0);
  CHECK(advice.wrote.substr(0, 5) == "0 of ");
  CHECK(advice.said.empty());

  const test::ending protection = by_protection.run();
  CAPTURE(protection);
  CHECK(protection.signal == SIGABRT);  // of the overrun, which comes last
  CHECK(protection.says("diver"));

  const test::ending none = no_guards.run();
  CAPTURE(none);
  CHECK(none.exit_code == 0);
  CHECK(none.wrote.substr(0, 5) != "0 of ");
  CHECK(none.says("guard"));
  CHECK(lines_of(none.said) == 1);
}

TEST_CASE("where the kernel protects no more stacks the rest run without, counted and warned of") {
  if (test::slowness > 1) return;  // too many mappings beside a sanitizer's own
  const test::ending end = many_protected.run();
  CAPTURE(end);
  CHECK(end.exit_code == 0);
  CHECK(end.wrote == "some");
  CHECK(lines_of(end.said) == 1);
}
