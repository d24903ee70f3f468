// The handler of faults on guards.
#include "fiber/overflow.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "fiber/stack_pool.hpp"

namespace sluice::detail {
namespace {

constexpr std::size_t signal_stack_bytes = 64 * 1024;

/// Set before the handler is installed, never changed.
name_writer write_name = nullptr;
struct sigaction before_segv;
struct sigaction before_bus;

/// A message that is put together without allocating.
class message {
 public:
  void add(std::string_view text) noexcept {
    const std::size_t n = std::min(text.size(), sizeof text_ - size_);
    std::memcpy(text_ + size_, text.data(), n);
    size_ += n;
  }
  void add(std::size_t number) noexcept {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number);
    add(std::string_view(digits, static_cast<std::size_t>(end.ptr - digits)));
  }
  void add_name(void* owner) noexcept {
    size_ += write_name(owner, text_ + size_, sizeof text_ - size_);
  }
  void print() const noexcept { static_cast<void>(!::write(STDERR_FILENO, text_, size_)); }

 private:
  char text_[512];
  std::size_t size_ = 0;
};

struct overrun {
  void* owner = nullptr;
  std::size_t stack_size = 0;
};

/// The stack whose guard the address lies on; no owner: none.
overrun find_overrun(const void* address) noexcept {
  for (stack_slab* slab = stack_pool::all_slabs(); slab != nullptr; slab = slab->older_of_all) {
    const stack_slot* slot = slab->find(address);
    if (slot == nullptr) continue;
    if (static_cast<const std::byte*>(address) >= slot->bottom()) break;
    return {slot->owner(), slab->stack_size};
  }
  return {};
}

/// As if our handler were not there.
void pass_on(int signal, siginfo_t* info, void* where) noexcept {
  const struct sigaction& before = signal == SIGBUS ? before_bus : before_segv;
  if ((before.sa_flags & SA_SIGINFO) != 0) return before.sa_sigaction(signal, info, where);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    return before.sa_handler(signal);
  }
  // The same instruction faults again when we return, now without a handler; a signal that was
  // sent by somebody does not come again by itself.
  ::signal(signal, SIG_DFL);
  if (info->si_code <= 0) ::raise(signal);
}

void on_fault(int signal, siginfo_t* info, void* where) noexcept {
  const overrun found = info->si_code > 0 ? find_overrun(info->si_addr) : overrun{};
  if (found.owner == nullptr) return pass_on(signal, info, where);
  message text;
  text.add("sluice: fiber ");
  text.add_name(found.owner);
  text.add(" overran its stack of ");
  text.add(found.stack_size);
  text.add(" bytes; give it more with fiber_options::stack_size\n");
  text.print();
  std::abort();
}

void install(int signal, struct sigaction& before) noexcept {
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, &before);
}

}  // namespace

void watch_for_overflow(name_writer writer) noexcept {
  static const bool installed = [writer] {
    write_name = writer;
    install(SIGSEGV, before_segv);
    install(SIGBUS, before_bus);
    return true;
  }();
  static_cast<void>(installed);
}

signal_stack::signal_stack() noexcept {
  stack_t now{};
  if (::sigaltstack(nullptr, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0) return;
  void* at = ::mmap(nullptr, signal_stack_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (at == MAP_FAILED) return;  // faults are then not explained, as in any program
  stack_t ours{};
  ours.ss_sp = at;
  ours.ss_size = signal_stack_bytes;
  if (::sigaltstack(&ours, nullptr) == 0) {
    memory_ = at;
  } else {
    ::munmap(at, signal_stack_bytes);
  }
}

signal_stack::~signal_stack() {
  if (memory_ == nullptr) return;
  stack_t off{};
  off.ss_flags = SS_DISABLE;
  ::sigaltstack(&off, nullptr);
  ::munmap(memory_, signal_stack_bytes);
}

}  // namespace sluice::detail
