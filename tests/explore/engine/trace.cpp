// A schedule in words: each step with its source line, and the label that its comment has.
#include "engine/trace.hpp"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <regex>

#include "engine/state.hpp"

/// The linker's: where the program begins in memory.
extern const char __executable_start;

namespace sluice::explore {
namespace {

constexpr std::size_t most_events = 200'000;
constexpr std::size_t most_printed = 150;
std::vector<event> events;

using lines = std::vector<std::string>;

const lines& lines_of(const std::string& path) {
  static std::map<std::string, lines> known;
  const auto found = known.find(path);
  if (found != known.end()) return found->second;
  lines& all = known[path];
  std::ifstream in(path);
  if (!in) in.open(std::string(SLUICE_BUILD_ROOT "/") + path);
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first);
}

std::string short_name(const std::string& path) {
  const std::size_t at = path.rfind("sluice/");
  const std::string tail = at == std::string::npos ? path : path.substr(at + 7);
  const std::size_t src = tail.rfind("src/");
  return src == std::string::npos ? tail : tail.substr(src);
}

/// The label of a step stands in the `order:` comment above it.
std::string label_of(const lines& all, unsigned line) {
  static const std::regex label("order: ([A-Z][0-9])\\b|order: [a-z_]+, ([A-Z][0-9])[: ]");
  for (unsigned n = line; n > 0 && n + 3 > line; --n) {
    std::smatch found;
    if (n <= all.size() && std::regex_search(all[n - 1], found, label)) {
      return found[1].matched ? found[1].str() : found[2].str();
    }
  }
  return "";
}

/// File and line of an instruction of this program, by binutils.
std::string place_of(const void* pc) {
  const auto at = static_cast<const char*>(pc) - &__executable_start - 1;
  char command[256];
  std::snprintf(command, sizeof(command), "addr2line -i -e /proc/%d/exe %#lx 2>/dev/null",
                static_cast<int>(::getpid()), static_cast<unsigned long>(at));
  std::string text;
  if (std::FILE* out = ::popen(command, "r")) {
    char line[512];
    if (std::fgets(line, sizeof(line), out) != nullptr) text = line;
    ::pclose(out);
  }
  text = text.substr(0, text.find_first_of(" \n"));
  return text.empty() || text[0] == '?' ? "?" : text;
}

const char* name_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_consume:
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    case std::memory_order_seq_cst:
      break;
  }
  return "seq_cst";
}

/// The same number for the same address.
unsigned number_of(const void* at) {
  static std::map<const void*, unsigned> numbers;
  return numbers.emplace(at, static_cast<unsigned>(numbers.size())).first->second;
}

std::string source_of(const std::string& place) {
  const std::size_t colon = place.rfind(':');
  if (colon == std::string::npos) return place;
  const lines& all = lines_of(place.substr(0, colon));
  const unsigned line = static_cast<unsigned>(std::strtoul(place.c_str() + colon + 1, nullptr, 10));
  const std::string text = line >= 1 && line <= all.size() ? trimmed(all[line - 1]) : "";
  return short_name(place) + "  " + text;
}

void print(const event& one) {
  const std::string path = one.where.file_name();
  if (one.pc != nullptr) {
    std::printf("  %u     a%-3u %s (plain)  %s\n", one.strand, number_of(one.at), one.what,
                source_of(place_of(one.pc)).c_str());
    return;
  }
  if (one.at == nullptr) {
    std::printf("  %u          %s\n", one.strand, one.what);
    return;
  }
  if (path.empty()) {
    std::printf("  %u     a%-3u %s\n", one.strand, number_of(one.at), one.what);
    return;
  }
  const lines& all = lines_of(path);
  const std::string label = label_of(all, one.where.line());
  const bool loads = std::strcmp(one.what, "load") == 0;
  char values[64];
  std::snprintf(values, sizeof(values), loads ? "%#lx%s" : "%#lx%s from %#lx",
                static_cast<unsigned long>(one.value), one.stale ? " (older)" : "",
                static_cast<unsigned long>(one.former));
  std::printf("  %u %-3s a%-3u %s %s, %s\n            %s:%u  %s\n", one.strand, label.c_str(),
              number_of(one.at), one.what, values, name_of(one.order), short_name(path).c_str(),
              static_cast<unsigned>(one.where.line()),
              one.where.line() <= all.size() ? trimmed(all[one.where.line() - 1]).c_str() : "");
}

}  // namespace

void begin_trace() noexcept { events.clear(); }

void note_event(const event& one) noexcept {
  if (events.size() == events.capacity()) return;
  events.push_back(one);
  events.back().strand = static_cast<std::uint8_t>(s.current);
}

void start_tracing() {
  events.reserve(most_events);
  s.tracing = true;
}

void print_trace() {
  const char* const about = static_cast<const char*>(s.at);
  std::vector<event> shown;
  for (const event& one : events) {
    // Of the plain accesses those to the address that it is about.
    const char* const at = static_cast<const char*>(one.at);
    if (one.pc == nullptr || (at <= about && about < at + 16)) shown.push_back(one);
  }
  const std::size_t first = shown.size() > most_printed ? shown.size() - most_printed : 0;
  if (first != 0) std::printf("  ... %zu steps\n", first);
  for (std::size_t i = first; i < shown.size(); ++i) print(shown[i]);
}

const char* describe(failure how) noexcept {
  switch (how) {
    case failure::none:
      return "holds";
    case failure::check:
      return "a claim does not hold";
    case failure::data_race:
      return "data race";
    case failure::dead_frame:
      return "a frame that is gone";
    case failure::freed:
      return "memory that is gone";
    case failure::leak:
      return "leak";
    case failure::deadlock:
      return "lost wake-up";
    case failure::livelock:
      return "no progress";
    case failure::exception:
      return "exception";
    case failure::crash:
      return "crash";
    case failure::engine:
      break;
  }
  return "the explorer's limits";
}

}  // namespace sluice::explore
