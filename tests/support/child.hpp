// Runs a body of this very program in a fresh process: for what ends a process, or must start in
// one that has not used the library yet.
//
//   const test::child overflow("overflow", [] { go_too_deep(); });
//   ...
//   const test::ending end = overflow.run();
//   CHECK(end.signal == SIGABRT);
//
// The program starts itself again with the body's name in the environment; `run_child_if_asked`,
// first thing in main, then runs that body instead of the tests. It executes anew rather than
// forks, because in a forked child the library refuses to work. A child that hangs dies of
// SIGALRM.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "watch.hpp"

namespace test {

/// How a child ended, and what it said.
struct ending {
  int exit_code = -1;  ///< -1 if a signal ended it
  int signal = 0;      ///< 0 if it exited
  std::string said;    ///< on stderr
  std::string wrote;   ///< on stdout

  [[nodiscard]] bool says(std::string_view text) const {
    return said.find(text) != std::string::npos;
  }
};

inline std::ostream& operator<<(std::ostream& out, const ending& end) {
  return out << "exit code " << end.exit_code << ", signal " << end.signal << ", stderr:\n"
             << end.said;
}

class child {
 public:
  /// `name` is unique in the program. The body's process exits with 0 when the body returns, with
  /// 99 when it throws.
  child(const char* name, void (*body)()) noexcept
      : name_(name), body_(body), next_(std::exchange(first, this)) {}
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  [[nodiscard]] const char* name() const noexcept { return name_; }

  /// Runs the body in a new process with these environment variables added; waits for its end.
  [[nodiscard]] ending run(const std::vector<std::string>& variables = {}) const {
    int out[2];
    int err[2];
    if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) fail("pipe2");
    const pid_t pid = start(variables, out[1], err[1]);
    ::close(out[1]);
    ::close(err[1]);
    ending end;
    drain(out[0], end.wrote, err[0], end.said);
    int how = 0;
    while (::waitpid(pid, &how, 0) < 0) {
      if (errno != EINTR) fail("waitpid");
    }
    if (WIFEXITED(how)) end.exit_code = WEXITSTATUS(how);
    if (WIFSIGNALED(how)) end.signal = WTERMSIG(how);
    return end;
  }

  /// The exit code, if this process was started to run a body.
  static std::optional<int> run_if_asked() {
    const char* asked = std::getenv(variable);
    if (asked == nullptr) return std::nullopt;
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::alarm(60 * slowness);
    for (const child* one = first; one != nullptr; one = one->next_) {
      if (std::strcmp(one->name_, asked) == 0) return run_body(*one);
    }
    std::fprintf(stderr, "no child is called %s\n", asked);
    return 98;
  }

 private:
  static constexpr const char* variable = "SLUICE_TEST_CHILD";

  static int run_body(const child& one) {
    try {
      one.body_();
      return 0;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s threw: %s\n", one.name_, error.what());
    } catch (...) {
      std::fprintf(stderr, "%s threw\n", one.name_);
    }
    return 99;
  }

  [[noreturn]] static void fail(const char* call) {
    throw std::system_error(errno, std::generic_category(), call);
  }

  /// The words that start this program: it alone, or after those of the wrapper.
  static std::vector<std::string> command() {
    const char* wrapper = std::getenv("SLUICE_TEST_WRAPPER");
    if (wrapper == nullptr) return {"/proc/self/exe"};
    std::vector<std::string> words;
    std::string_view rest = wrapper;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      if (end > 0) words.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    // The wrapper would take /proc/self/exe for itself.
    char path[4096];
    const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
    if (size < 0) fail("readlink");
    words.emplace_back(path, static_cast<std::size_t>(size));
    return words;
  }

  pid_t start(const std::vector<std::string>& variables, int out, int err) const {
    std::vector<std::string> texts = variables;
    texts.push_back(std::string(variable) + "=" + name_);
    std::vector<char*> environment;
    for (std::string& text : texts) environment.push_back(text.data());
    for (char** old = environ; *old != nullptr; ++old) environment.push_back(*old);
    environment.push_back(nullptr);
    std::vector<std::string> words = command();
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    pid_t pid = -1;
    const int error =
        ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      errno = error;
      fail("posix_spawn");
    }
    return pid;
  }

  static void drain(int out, std::string& wrote, int err, std::string& said) {
    pollfd ends[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
    std::string* texts[2] = {&wrote, &said};
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
      if (::poll(ends, 2, -1) < 0 && errno != EINTR) fail("poll");
      for (int i = 0; i < 2; ++i) {
        if (ends[i].fd < 0 || ends[i].revents == 0) continue;
        char buffer[4096];
        const ssize_t count = ::read(ends[i].fd, buffer, sizeof buffer);
        if (count > 0) {
          texts[i]->append(buffer, static_cast<std::size_t>(count));
        } else if (count == 0 || errno != EINTR) {
          ::close(std::exchange(ends[i].fd, -1));
        }
      }
    }
  }

  inline static constinit const child* first = nullptr;

  const char* const name_;
  void (*const body_)();
  const child* const next_;
};

}  // namespace test
