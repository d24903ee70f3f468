// What the linker's tables say of an address. The argument stands in places.hpp.
#include "sched/places.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string_view>

namespace sluice::detail {
namespace {

/// A function's name is cut here: those of templates can fill pages.
constexpr std::size_t longest_name = 160;

std::string demangled(const char* symbol) {
  struct free_text {
    void operator()(char* text) const noexcept { std::free(text); }
  };
  int failed = 0;
  const std::unique_ptr<char, free_text> name(
      abi::__cxa_demangle(symbol, nullptr, nullptr, &failed));
  std::string text = failed == 0 ? name.get() : symbol;
  if (text.size() > longest_name) text.replace(longest_name, text.npos, "...");
  return text;
}

std::string look_up(const void* return_address) {
  // Inside the call: the address behind it may belong to the next line, or function.
  const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(return_address) - 1;
  std::ostringstream text;
  text << std::hex << std::showbase;
  Dl_info found{};
  void* module = nullptr;
  if (::dladdr1(reinterpret_cast<void*>(at), &found, &module, RTLD_DL_LINKMAP) == 0 ||
      found.dli_fname == nullptr) {
    text << at;
    return std::move(text).str();
  }
  std::string_view file = found.dli_fname;
  file.remove_prefix(file.rfind('/') + 1);  // npos + 1 is 0
  const std::uintptr_t offset = at - static_cast<const link_map*>(module)->l_addr;
  if (found.dli_sname == nullptr) {
    text << file << '+' << offset;
  } else {
    text << demangled(found.dli_sname) << '+'
         << at - reinterpret_cast<std::uintptr_t>(found.dli_saddr) << " (" << file << '+' << offset
         << ')';
  }
  return std::move(text).str();
}

}  // namespace

const std::string& places::name_of(const void* return_address) {
  std::string& name = known_[return_address];
  if (name.empty()) name = look_up(return_address);
  return name;
}

}  // namespace sluice::detail
