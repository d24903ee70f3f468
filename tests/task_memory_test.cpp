// Memory of tasks: distinct objects, holes that are used again, slabs that go back when the last
// object does, whoever frees it and in whatever order.
#include "sched/task_memory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "sched/task_depot.hpp"
#include "sluice/sluice.hpp"
#include "support/watch.hpp"

namespace {

using sluice::detail::free_task;
using sluice::detail::keeps_tasks;
using sluice::detail::task_depot;
using sluice::detail::task_memory;

/// Of a size that no task here has: the depot begins and ends empty.
constexpr std::size_t size = task_depot::largest;
constexpr std::size_t in_a_slab = (task_depot::slab_size - 64) / size;

std::vector<void*> take(std::size_t n) {
  std::vector<void*> all;
  while (all.size() < n) {
    const auto most = std::min<std::size_t>(n - all.size(), 100);
    task_depot::chain some = task_depot::of(size).take(static_cast<std::uint32_t>(most));
    CHECK(some.count >= 1);
    CHECK(some.count <= most);
    for (; some.count != 0; --some.count) {
      all.push_back(std::exchange(some.first, some.first->next));
    }
    CHECK(some.first == nullptr);
  }
  return all;
}

void give(void* one) { task_depot::of(size).give(::new (one) free_task{nullptr}); }

/// In one chain.
void give(const std::vector<void*>& all) {
  free_task* first = nullptr;
  for (void* one : all) first = ::new (one) free_task{first};
  task_depot::of(size).give(first);
}

/// What a small depot has kept from before goes: bytes of all others.
std::size_t without_ours() {
  give(take(in_a_slab));
  return task_depot::mapped();
}

void shuffle(std::vector<void*>& all) {
  test::random any = test::random_for("task memory");
  for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[any() % i]);
}

}  // namespace

TEST_CASE("each size has a depot of its own, whose objects hold that much") {
  CHECK(&task_depot::of(1) == &task_depot::of(task_depot::step));
  CHECK(&task_depot::of(task_depot::step) != &task_depot::of(task_depot::step + 1));
  CHECK(&task_depot::of(task_depot::largest) == &task_depot::of(task_depot::largest - 1));
  for (const std::size_t each : {std::size_t{16}, std::size_t{96}, std::size_t{512}}) {
    task_depot::chain two = task_depot::of(each).take(2);
    CHECK(two.count == 2);
    const auto first = reinterpret_cast<std::uintptr_t>(two.first);
    const auto second = reinterpret_cast<std::uintptr_t>(two.first->next);
    CHECK(first % 16 == 0);
    CHECK((first > second ? first - second : second - first) >= each);
    task_depot::of(each).give(two.first);
  }
}

TEST_CASE("objects lie apart, and their memory goes back with the last of them, in any order") {
  const std::size_t before = without_ours();
  std::vector<void*> all = take(3 * in_a_slab);
  CHECK(task_depot::mapped() == before + 3 * task_depot::slab_size);
  std::vector<void*> sorted = all;
  std::ranges::sort(sorted);
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const auto apart = reinterpret_cast<std::uintptr_t>(sorted[i]) -
                       reinterpret_cast<std::uintptr_t>(sorted[i - 1]);
    if (apart < size) CHECK(apart >= size);
  }
  shuffle(all);
  void* const last = all.back();
  all.pop_back();
  give(all);
  CHECK(task_depot::mapped() == before + task_depot::slab_size);
  give(last);
  CHECK(task_depot::mapped() == before);
}

TEST_CASE("a depot that was never large keeps its slab, and a hole is used before new room") {
  const std::size_t before = without_ours();
  std::vector<void*> few = take(3);
  give(few[1]);
  void* const again = task_depot::of(size).take(1).first;
  CHECK(again == few[1]);
  give(few);
  CHECK(task_depot::mapped() == before + task_depot::slab_size);
  std::vector<void*> some = take(in_a_slab);  // the kept slab has room for all of them
  CHECK(task_depot::mapped() == before + task_depot::slab_size);
  give(some);
  CHECK(task_depot::mapped() == before);
}

TEST_CASE("holes in full slabs are used before a new slab is taken") {
  const std::size_t before = without_ours();
  std::vector<void*> all = take(2 * in_a_slab);
  shuffle(all);
  std::vector<void*> half(all.begin() + static_cast<std::ptrdiff_t>(in_a_slab), all.end());
  all.resize(in_a_slab);
  give(half);
  const std::vector<void*> more = take(in_a_slab);
  CHECK(task_depot::mapped() == before + 2 * task_depot::slab_size);
  give(all);
  give(more);
  CHECK(task_depot::mapped() == before);
}

TEST_CASE("threads take and give each other's objects, and none is in two hands") {
  const std::size_t before = without_ours();
  struct place {
    std::mutex lock;
    std::vector<void*> objects;
  };
  std::array<place, 8> places;
  const auto swap_some = [&](const char* seed) {
    test::random any = test::random_for(seed);
    for (int i = 0; i < 3000 / test::slowness; ++i) {
      std::vector<void*> mine = take(any() % 200 + 1);
      for (void* one : mine) *static_cast<std::uint64_t*>(one) = any();
      place& at = places[any() % places.size()];
      {
        const std::lock_guard guard(at.lock);
        std::swap(at.objects, mine);
      }
      give(mine);
    }
  };
  {
    const std::jthread one([&] { swap_some("one"); });
    const std::jthread two([&] { swap_some("two"); });
    swap_some("three");
  }
  for (place& each : places) give(each.objects);
  CHECK(without_ours() == before);
}

TEST_CASE("a worker's memory gives the newest first, and before a sleep all but a few back") {
  if (!keeps_tasks) return;
  const std::size_t before = without_ours();
  {
    task_memory memory;
    void* const one = memory.allocate(size);
    memory.free(one, size);
    memory.give_back();
    CHECK(memory.allocate(size) == one);
    std::vector<void*> all;
    for (std::size_t i = 0; i < 3 * in_a_slab; ++i) all.push_back(memory.allocate(size));
    all.push_back(one);
    shuffle(all);
    for (void* each : all) memory.free(each, size);
    CHECK(task_depot::mapped() > before);
    CHECK(memory.allocate(size) == all.back());
    memory.give_back();
    CHECK(task_depot::mapped() == before + task_depot::slab_size);
    memory.free(all.back(), size);
  }
  // What is left is one object's slab: of a depot that was large nothing is kept.
  CHECK(task_depot::mapped() == before);
}

TEST_CASE("an object larger than the depots have is the system's") {
  const std::size_t before = without_ours();
  task_memory memory;
  void* const large = memory.allocate(size + 1);
  void* const outside = task_memory::allocate_outside(size + 1);
  memory.free(outside, size + 1);
  task_memory::free_outside(large, size + 1);
  CHECK(task_depot::mapped() == before);
}

TEST_CASE("many tasks that end in any order leave no memory behind, nor those that outlive it") {
  const std::size_t before = without_ours();
  constexpr std::size_t n = 200'000;
  const std::size_t count = n / static_cast<std::size_t>(test::slowness);
  std::vector<sluice::task<std::array<char, 200>>> all;
  {
    sluice::runtime rt{{.workers = 2}};
    rt.run([&] {
      for (std::size_t i = 0; i < count; ++i) {
        all.push_back(sluice::go([] { return std::array<char, 200>{}; }));
      }
      test::random any = test::random_for("tasks in any order");
      for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[any() % i]);
      for (std::size_t i = 0; i < count / 2; ++i) all[i].join();
      all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count / 2));
    });
  }
  if (keeps_tasks) CHECK(task_depot::mapped() > before);
  for (auto& each : all) each.join();
  all.clear();  // on this thread, which is no worker
  // A small slab may be kept, for the task of run().
  CHECK(task_depot::mapped() <= before + task_depot::slab_size);
}

TEST_CASE("a worker that has nothing to do has given the memory of its tasks back") {
  if (!keeps_tasks) return;
  const std::size_t before = without_ours();
  sluice::runtime rt{{.workers = 1}};
  rt.run([] {
    std::vector<sluice::task<std::array<char, 400>>> all;
    for (std::size_t i = 0; i < 2 * in_a_slab; ++i) {
      all.push_back(sluice::go([] { return std::array<char, 400>{}; }));
    }
    CHECK(task_depot::mapped() >= 2 * task_depot::slab_size);
    for (auto& each : all) each.join();
    test::random any = test::random_for("tasks in any order");
    for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[any() % i]);
  });
  // A small slab may be kept, for the task of run().
  while (task_depot::mapped() > before + task_depot::slab_size) std::this_thread::yield();
}
