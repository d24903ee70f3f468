// Every operation of a channel with the words for its answers, for tests that go through all of them.
//
// A row says how the operation tells each verdict. It is run on a channel of counted items; a put
// puts `own`.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "items.hpp"
#include "sluice/select.hpp"
#include "sluice/selector.hpp"

namespace test {

using tested = sluice::channel<counted>;
using span = std::chrono::microseconds;

/// The item of the put that is tested.
inline constexpr number own = 5'000;

struct cause_error : std::runtime_error {
  cause_error() : std::runtime_error("the cause") {}
};

/// What an operation has done, in words and items.
struct report {
  std::string answer;
  std::vector<number> got;
  bool kept = false;  ///< a putter still has its item
};

/// What `f()` says, or the name of what it throws.
template <class F>
std::string in_words(F f) {
  try {
    return f();
  } catch (const sluice::cancelled&) {
    return "cancelled";
  } catch (const sluice::channel_closed&) {
    return "channel_closed";
  } catch (const cause_error&) {
    return "the cause";
  } catch (const std::exception& other) {
    return other.what();
  }
}

/// Calls `f(item)`, which says how its put went.
template <class F>
report putting(F f) {
  counted item(own);
  report r;
  r.answer = in_words([&] { return std::string(f(item)); });
  r.kept = item.value() == own;
  return r;
}

/// Calls `f(got)`, which says how its get went and appends what it got.
template <class F>
report getting(F f) {
  report r;
  r.answer = in_words([&] { return std::string(f(r.got)); });
  return r;
}

/// How a get into `got` went, from its result.
inline std::string words(const sluice::result<counted>& r, std::vector<number>& got) {
  if (r) got.push_back(r->value());
  return std::string(sluice::to_string(r.status())) + (r.cause() ? ", with the cause" : "");
}

inline std::string words(const std::vector<counted>& batch, std::vector<number>& got) {
  for (const counted& item : batch) got.push_back(item.value());
  return std::to_string(batch.size()) + " got";
}

/// Says which case was chosen, if its handler and no other was called.
class choice {
 public:
  auto note(std::size_t position) {
    return [this, position] { called_ += std::to_string(position); };
  }
  auto note_item(std::size_t position, std::vector<number>& got) {
    return [this, position, &got](const counted& item) {
      called_ += std::to_string(position);
      got.push_back(item.value());
    };
  }
  auto note_result(std::size_t position, std::vector<number>& got) {
    return [this, position, &got](const sluice::result<counted>& r) {
      called_ += std::to_string(position);
      said_ = ": " + words(r, got);
    };
  }
  [[nodiscard]] std::string of(std::size_t chosen) const {
    if (chosen == sluice::all_closed) return called_.empty() ? "all_closed" : "a handler too many";
    return called_ == std::to_string(chosen) ? "case " + called_ + said_ : "handlers " + called_;
  }

 private:
  std::string called_;
  std::string said_;
};

/// A put by a selector, which stores the item: it is kept while the selector has it.
inline report put_by_selector(const tested& ch, span time) {
  const std::int64_t before = counted::alive();
  sluice::selector cases;
  choice made;
  cases.on_put(ch, counted(own), made.note(0));
  cases.on_timeout(time, made.note(1));
  report r;
  r.answer = in_words([&] { return made.of(cases.wait()); });
  // Where it was put, it may be anywhere by now.
  r.kept = r.answer != "case 0" && counted::alive() > before;
  return r;
}

/// What it waits for: room, an item, one item more after the first, the end.
enum class side : std::uint8_t { put, get, linger, end };
enum class form : std::uint8_t { tries, waits, timed };
enum class verdict : std::uint8_t { done, late, closed, cause, cancelled };

struct operation {
  const char* name;
  side what;
  form how;
  std::array<const char*, 5> words;  ///< by verdict; null: never
  report (*run)(const tested&, span time);
  bool copies = false;  ///< the putter keeps its item in any case
  bool stores = false;  ///< a put that is refused destroys the item
};

inline constexpr const char* never = nullptr;

inline const operation operations[] = {
    {"put",
     side::put,
     form::waits,
     {"put", never, "channel_closed", "channel_closed", "cancelled"},
     [](const tested& ch, span) {
       return putting([&](counted& item) { return ch.put(std::move(item)), "put"; });
     }},
    {"put of an lvalue",
     side::put,
     form::waits,
     {"put", never, "channel_closed", "channel_closed", "cancelled"},
     [](const tested& ch, span) {
       return putting([&](counted& item) { return ch.put(item), "put"; });
     },
     true},
    {"<<",
     side::put,
     form::waits,
     {"itself", never, "channel_closed", "channel_closed", "cancelled"},
     [](const tested& ch, span) {
       return putting([&](counted& item) {
         return &(ch << std::move(item)) == &ch ? "itself" : "something else";
       });
     }},
    {"try_put",
     side::put,
     form::tries,
     {"ok", "full", "closed", "closed", never},
     [](const tested& ch, span) {
       return putting(
           [&](counted& item) { return sluice::to_string(ch.try_put(std::move(item))); });
     }},
    {"put_for",
     side::put,
     form::timed,
     {"ok", "timed_out", "closed", "closed", "cancelled"},
     [](const tested& ch, span time) {
       return putting(
           [&](counted& item) { return sluice::to_string(ch.put_for(std::move(item), time)); });
     }},
    {"put_until",
     side::put,
     form::timed,
     {"ok", "timed_out", "closed", "closed", "cancelled"},
     [](const tested& ch, span time) {
       return putting([&](counted& item) {
         const auto until = std::chrono::steady_clock::now() + time;
         return sluice::to_string(ch.put_until(std::move(item), until));
       });
     }},
    {"put_until, of an lvalue, on another clock",
     side::put,
     form::timed,
     {"ok", "timed_out", "closed", "closed", "cancelled"},
     [](const tested& ch, span time) {
       return putting([&](counted& item) {
         const auto until = std::chrono::system_clock::now() + time;
         return sluice::to_string(ch.put_until(item, until));
       });
     },
     true},
    {"put_batch",
     side::put,
     form::waits,
     {"1 put", never, "0 put", "0 put", "cancelled"},
     [](const tested& ch, span) {
       std::vector<counted> items;
       items.emplace_back(own);
       report r;
       r.answer = in_words([&] { return std::to_string(ch.put_batch(std::move(items))) + " put"; });
       r.kept = items.size() == 1 && items[0].value() == own;
       return r;
     }},
    {"put_batch of copies",
     side::put,
     form::waits,
     {"1 put", never, "0 put", "0 put", "cancelled"},
     [](const tested& ch, span) {
       std::vector<counted> items;
       items.emplace_back(own);
       report r;
       r.answer = in_words([&] { return std::to_string(ch.put_batch(items)) + " put"; });
       r.kept = items.size() == 1 && items[0].value() == own;
       return r;
     },
     true},
    {"select put",
     side::put,
     form::timed,
     {"case 0", "case 1", "channel_closed", "channel_closed", "cancelled"},
     [](const tested& ch, span time) {
       return putting([&](counted& item) {
         choice made;
         return made.of(sluice::select(sluice::on_put(ch, std::move(item), made.note(0)),
                                       sluice::on_timeout(time, made.note(1))));
       });
     }},
    {"select put of an lvalue beside another get",
     side::put,
     form::timed,
     {"case 1", "case 2", "channel_closed", "channel_closed", "cancelled"},
     [](const tested& ch, span time) {
       return putting([&](counted& item) {
         const tested other;
         choice made;
         return made.of(sluice::select(sluice::on_get(other, [](const counted&) {}),
                                       sluice::on_put(ch, std::as_const(item), made.note(1)),
                                       sluice::on_timeout(time, made.note(2))));
       });
     },
     true},
    {"select put with otherwise",
     side::put,
     form::tries,
     {"case 0", "case 1", "channel_closed", "channel_closed", never},
     [](const tested& ch, span) {
       return putting([&](counted& item) {
         choice made;
         return made.of(sluice::select(sluice::on_put(ch, std::move(item), made.note(0)),
                                       sluice::otherwise(made.note(1))));
       });
     }},
    {"selector put",
     side::put,
     form::timed,
     {"case 0", "case 1", "channel_closed", "channel_closed", "cancelled"},
     put_by_selector,
     false,
     true},

    {"get",
     side::get,
     form::waits,
     {"got", never, "channel_closed", "the cause", "cancelled"},
     [](const tested& ch, span) {
       return getting([&](auto& got) { return got.push_back(ch.get().value()), "got"; });
     }},
    {">>",
     side::get,
     form::waits,
     {"true", never, "false", "the cause", "cancelled"},
     [](const tested& ch, span) {
       counted item(-5);
       report r = getting([&](auto& got) {
         if (!(ch >> item)) return "false";
         return got.push_back(item.value()), "true";
       });
       if (r.got.empty() && item.value() != -5) r.answer += ", but touched";
       return r;
     }},
    {"try_get",
     side::get,
     form::tries,
     {"ok", "empty", "closed", "closed, with the cause", never},
     [](const tested& ch, span) {
       return getting([&](auto& got) { return words(ch.try_get(), got); });
     }},
    {"try_get().value()",
     side::get,
     form::tries,
     {"got", "nothing", "channel_closed", "the cause", never},
     [](const tested& ch, span) {
       return getting([&](auto& got) {
         try {
           return got.push_back(ch.try_get().value().value()), "got";
         } catch (const sluice::channel_empty&) {
           return "nothing";
         }
       });
     }},
    {"get_for",
     side::get,
     form::timed,
     {"ok", "timed_out", "closed", "closed, with the cause", "cancelled"},
     [](const tested& ch, span time) {
       return getting([&](auto& got) { return words(ch.get_for(time), got); });
     }},
    {"get_until",
     side::get,
     form::timed,
     {"ok", "timed_out", "closed", "closed, with the cause", "cancelled"},
     [](const tested& ch, span time) {
       return getting([&](auto& got) {
         return words(ch.get_until(std::chrono::steady_clock::now() + time), got);
       });
     }},
    {"get_until, on another clock",
     side::get,
     form::timed,
     {"ok", "timed_out", "closed", "closed, with the cause", "cancelled"},
     [](const tested& ch, span time) {
       return getting([&](auto& got) {
         return words(ch.get_until(std::chrono::system_clock::now() + time), got);
       });
     }},
    {"get_batch",
     side::get,
     form::waits,
     {"1 got", never, "0 got", "the cause", "cancelled"},
     [](const tested& ch, span) {
       return getting([&](auto& got) { return words(ch.get_batch(3), got); });
     }},
    {"get_batch of one with linger",
     side::get,
     form::waits,
     {"1 got", never, "0 got", "the cause", "cancelled"},
     [](const tested& ch, span time) {
       return getting([&](auto& got) { return words(ch.get_batch(1, time), got); });
     }},
    {"get_batch of two, in its linger",
     side::linger,
     form::timed,
     {"2 got", "1 got", "1 got", "1 got", "1 got"},
     [](const tested& ch, span time) {
       return getting([&](auto& got) { return words(ch.get_batch(2, time), got); });
     }},
    {"try_get_batch",
     side::get,
     form::tries,
     {"1 got", "0 got", "0 got", "the cause", never},
     [](const tested& ch, span) {
       return getting([&](auto& got) { return words(ch.try_get_batch(3), got); });
     }},
    {"range-for",
     side::get,
     form::waits,
     {"an item", never, "the end", "the cause", "cancelled"},
     [](const tested& ch, span) {
       return getting([&](auto& got) {
         for (const counted& item : ch) return got.push_back(item.value()), "an item";
         return "the end";
       });
     }},
    {"select get",
     side::get,
     form::timed,
     {"case 0", "case 1", "all_closed", "the cause", "cancelled"},
     [](const tested& ch, span time) {
       return getting([&](auto& got) {
         choice made;
         return made.of(sluice::select(sluice::on_get(ch, made.note_item(0, got)),
                                       sluice::on_timeout(time, made.note(1))));
       });
     }},
    {"select get of a result",
     side::get,
     form::timed,
     {"case 1: ok", "case 0", "case 1: closed", "case 1: closed, with the cause", "cancelled"},
     [](const tested& ch, span time) {
       return getting([&](auto& got) {
         choice made;
         return made.of(sluice::select(sluice::on_timeout(time, made.note(0)),
                                       sluice::on_get(ch, made.note_result(1, got))));
       });
     }},
    {"select get from two",
     side::get,
     form::waits,
     {"case 1", never, "all_closed", "the cause", "cancelled"},
     [](const tested& ch, span) {
       return getting([&](auto& got) {
         const tested over;
         over.close();
         choice made;
         return made.of(sluice::select(sluice::on_get(over, made.note_item(0, got)),
                                       sluice::on_get(ch, made.note_item(1, got))));
       });
     }},
    {"select get with otherwise",
     side::get,
     form::tries,
     {"case 1", "case 0", "all_closed", "the cause", never},
     [](const tested& ch, span) {
       return getting([&](auto& got) {
         choice made;
         return made.of(sluice::select(sluice::otherwise(made.note(0)),
                                       sluice::on_get(ch, made.note_item(1, got))));
       });
     }},
    {"selector get",
     side::get,
     form::timed,
     {"case 1", "case 0", "all_closed", "the cause", "cancelled"},
     [](const tested& ch, span time) {
       return getting([&](auto& got) {
         sluice::selector cases;
         choice made;
         cases.on_timeout(time, made.note(0));
         cases.on_get(ch, made.note_item(1, got));
         return made.of(cases.wait());
       });
     }},
    {"selector get of a result",
     side::get,
     form::timed,
     {"case 0: ok", "case 1", "case 0: closed", "case 0: closed, with the cause", "cancelled"},
     [](const tested& ch, span time) {
       return getting([&](auto& got) {
         sluice::selector cases;
         choice made;
         cases.on_get(ch, made.note_result(0, got));
         cases.on_timeout(time, made.note(1));
         return made.of(cases.wait());
       });
     }},

    {"join",
     side::end,
     form::waits,
     {"joined", never, "joined", "joined", "cancelled"},
     [](const tested& ch, span) { return getting([&](auto&) { return ch.join(), "joined"; }); }},
    {"join_for",
     side::end,
     form::timed,
     {"true", "false", "true", "true", "cancelled"},
     [](const tested& ch, span time) {
       return getting([&](auto&) { return ch.join_for(time) ? "true" : "false"; });
     }},
};

}  // namespace test
