// Pipelines that are refused something: tests/faults_test.cpp runs them.
//
// What a pipeline was refused comes out of the call that composes it, or of its sink. What arrived
// before that is the beginning of all, in order where the order is kept.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "demand.hpp"
#include "items.hpp"
#include "refused_programs.hpp"
#include "sluice/pipeline.hpp"
#include "sluice/sluice.hpp"

namespace test::refusals {

namespace p = sluice::pipeline;

/// A source of the numbers from `first` on.
inline auto count_from(number first, number how_many) {
  return p::generate([next = first, end = first + how_many]() mutable {
    return next < end ? std::optional<counted>(next++) : std::nullopt;
  });
}

/// Each item must be the next.
class in_order {
 public:
  void operator()(const counted& item) noexcept { demand(item.value() == next_++, "the order"); }
  [[nodiscard]] number seen() const noexcept { return next_; }

 private:
  number next_ = 0;
};

template <class F>
void on_two_workers(F f) {
  sluice::runtime rt{{.workers = 2, .on_unhandled = [](std::string_view, const auto&) {
                        demand(false, "an error of a pipeline is no orphan");
                      }}};
  rt.run(std::move(f));
}

inline void stages() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    number sum = 0;
    p::generate([next = number{0}]() mutable {
      return next < items ? std::optional<counted>(next++) : std::nullopt;
    }) | p::transform(2, [](counted item) { return item; }) |
        p::batch(7) | p::flatten() | p::for_each([&](const counted& item) { sum += item.value(); });
    demand(sum == sum_of_items, "the sum");
  });
}

inline void transforms() {
  on_two_workers([] {
    in_order look;
    count_from(0, items) | p::transform(3, [](counted item) { return item; }) |
        p::filter(2, [](const counted& item) { return item.value() % 4 != 3; }) |
        p::transform([next = number{0}](const counted& item) mutable {
          demand(item.value() == next / 3 * 4 + next % 3, "the order of what was kept");
          return counted(next++);
        }) |
        p::for_each([&](const counted& item) { look(item); });
    demand(look.seen() == items / 4 * 3, "all of them");

    std::atomic<number> sum{0};
    const p::stage_options free{.workers = 3, .order = p::ordering::free};
    count_from(0, items) | p::transform(free, [](counted item) { return item; }) |
        p::filter(free, [](const counted&) { return true; }) |
        p::for_each(2, [&](const counted& item) { sum += item.value(); });
    demand(sum == sum_of_items, "the sum");
  });
}

inline void merges() {
  on_two_workers([] {
    const channel<counted> outside{3};
    sluice::scope s;
    s.go([&] { put_all(outside); });
    number sum = 0;
    number last[2] = {-1, 999};
    p::merge(count_from(0, items), count_from(1000, items), sluice::receiver<counted>(outside)) |
        p::for_each([&](const counted& item) {
          sum += item.value();
          if (item.value() < 1000) return;
          demand(item.value() == ++last[1], "the order of each input");
        });
    s.join();
    demand(sum == 3 * sum_of_items + 1000 * items, "the sum");
  });
}

inline void tees() {
  on_two_workers([] {
    in_order left_look;
    in_order right_look;
    auto [left, right] = count_from(0, items) | p::tee();
    sluice::scope s;
    s.go([&, from = std::move(right)]() mutable {
      std::move(from) | p::for_each([&](const counted& item) { right_look(item); });
    });
    std::move(left) | p::for_each([&](const counted& item) { left_look(item); });
    s.join();
    demand(left_look.seen() == items && right_look.seen() == items, "both get all");
  });
}

inline void lingering_stages() {
  on_two_workers([] {
    in_order look;
    count_from(0, items) | p::batch(7, 1h) | p::flatten() | p::batch(9, 10us) |
        p::for_each([&](const std::vector<counted>& some) {
          demand(!some.empty() && some.size() <= 9, "the size of a batch");
          for (const counted& item : some) look(item);
        });
    demand(look.seen() == items, "all of them");
  });
}

inline void own_loops() {
  on_two_workers([] {
    in_order look;
    p::produce<counted>([](const channel<counted>& out) {
      for (number i = 0; i < items; ++i) out << counted(i);
    }) | p::process<std::vector<counted>>([](const auto& in, const auto& out) {
      std::vector<counted> kept;
      for (counted& item : in) {
        kept.push_back(std::move(item));
        if (kept.size() == 6) out.put(std::exchange(kept, {}));
      }
      out.put(std::move(kept));
    }) | p::flatten() |
        p::for_each([&](const counted& item) { look(item); });
    demand(look.seen() == items, "all of them");
  });
}

inline void collected() {
  on_two_workers([] {
    std::vector<counted> from;
    for (number i = 0; i < items; ++i) from.emplace_back(i);
    const std::vector<counted> some =
        p::generate(from) | p::transform(2, [](counted item) { return item; }) | p::collect();
    demand(some.size() == from.size(), "all of them");
    for (std::size_t i = 0; i < some.size(); ++i) {
      demand(some[i].value() == static_cast<number>(i), "the order");
      demand(from[i].value() == static_cast<number>(i), "a range of somebody else is copied");
    }
  });
}

/// What a pipeline poured into a channel before it failed is there, and then the cause.
inline void poured() {
  on_two_workers([] {
    const channel<counted> to;
    std::exception_ptr refused;
    try {
      count_from(0, 200) | p::transform(2, [](counted item) { return item; }) | p::into(to);
    } catch (const std::bad_alloc&) {
      refused = std::current_exception();
    }
    if (refused) to.close();  // where composing failed nobody has closed it
    in_order look;
    try {
      for (const counted& item : to) look(item);
      demand(!refused || look.seen() == 0, "what came before a failure does not look complete");
    } catch (const std::bad_alloc&) {
      demand(static_cast<bool>(refused), "the cause is that of the pipeline");
    }
    demand(refused || look.seen() == 200, "all of them");
    if (refused) std::rethrow_exception(refused);
  });
}

}  // namespace test::refusals
