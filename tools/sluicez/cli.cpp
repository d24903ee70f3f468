// CLI11 declares, converts and checks the options. Before it sees them, the words are put into
// the form that getopt would make of them, since gzip's users rely on that: `-dc` and `-p2` are
// taken apart, an option that needs a value takes the next word even if that begins with a minus
// (`-S -gz`), long names may be shortened, and operands may stand anywhere.
#include "cli.hpp"

#include <zlib.h>
#include <sluice/version.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

namespace sluicez {
namespace {

constexpr std::size_t least_block_kib = 32;
constexpr std::size_t most_block_kib = 1024 * 1024;
constexpr int most_workers = 1024;  // as of a sluice::runtime
constexpr std::size_t longest_suffix = 30;

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

/// Sorts words into options, each with its value in one word, and operands.
class getopt_words {
 public:
  explicit getopt_words(const CLI::App& app) : known_(app.get_options()) {}

  void sort(const std::vector<std::string>& words) {
    for (auto word = words.begin(); word != words.end(); ++word) {
      if (*word == "--") {
        operands.insert(operands.end(), word + 1, words.end());
        return;
      }
      const auto value = [&] {
        return word + 1 == words.end() ? throw_needs_value(*word) : *++word;
      };
      if (word->starts_with("--")) {
        add_long(word->substr(2), value);
      } else if (word->size() > 1 && word->front() == '-') {
        add_short(word->substr(1), value);
      } else {
        operands.push_back(*word);
      }
    }
  }

  std::vector<std::string> options;
  std::vector<std::string> operands;

 private:
  [[noreturn]] static std::string throw_needs_value(const std::string& word) {
    throw usage_error("option requires an argument -- '" + word + "'");
  }

  template <class Value>
  void add_long(const std::string& word, Value&& value) {
    const std::size_t equals = word.find('=');
    const auto& [option, name] = find_long(word.substr(0, equals));
    if (!takes_value(*option)) {
      if (equals != word.npos) throw usage_error("option '--" + name + "' takes no argument");
      options.push_back("--" + name);
    } else {
      add_valued(*option, equals == word.npos ? value() : word.substr(equals + 1));
    }
  }

  template <class Value>
  void add_short(const std::string& letters, Value&& value) {
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const std::string letter(1, letters[i]);
      const auto has = [&](const CLI::Option* option) { return option->check_sname(letter); };
      const auto option = std::find_if(known_.begin(), known_.end(), has);
      if (option == known_.end()) throw usage_error("invalid option -- '" + letter + "'");
      if (takes_value(**option)) {
        add_valued(**option, i + 1 < letters.size() ? letters.substr(i + 1) : value());
        return;
      }
      options.push_back("-" + letter);
    }
  }

  void add_valued(const CLI::Option& option, const std::string& value) {
    const std::string& name = option.get_lnames().front();
    if (value.empty()) throw usage_error("invalid " + name + " ''");
    options.push_back("--" + name + "=" + value);
  }

  /// The option of that name, or of the only name that begins so.
  std::pair<const CLI::Option*, std::string> find_long(const std::string& start) const {
    std::pair<const CLI::Option*, std::string> found{nullptr, ""};
    for (const CLI::Option* option : known_) {
      for (const std::string& name : option->get_lnames()) {
        if (name == start) return {option, name};
        if (!name.starts_with(start)) continue;
        if (found.first != nullptr && found.first != option) {
          throw usage_error("option '--" + start + "' is ambiguous");
        }
        found = {option, name};
      }
    }
    if (found.first == nullptr) throw usage_error("unrecognized option '--" + start + "'");
    return found;
  }

  std::vector<const CLI::Option*> known_;
};

/// The options, and where CLI11 puts what it reads.
struct declared {
  declared() : app("", "sluicez") {
    app.set_help_flag();
    to_stdout = app.add_flag("-c,--stdout,--to-stdout");
    decompress = app.add_flag("-d,--decompress,--uncompress");
    test = app.add_flag("-t,--test");
    list = app.add_flag("-l,--list");
    keep = app.add_flag("-k,--keep");
    force = app.add_flag("-f,--force");
    recursive = app.add_flag("-r,--recursive");
    help = app.add_flag("-h,--help");
    version = app.add_flag("-V,--version");
    // One option each, so that the last of several words decides.
    level =
        app.add_flag("-1{1},-2{2},-3{3},-4{4},-5{5},-6{6},-7{7},-8{8},-9{9},--fast{1},--best{9}");
    names = app.add_flag("-N{1},--name{1},-n{0},--no-name{0}");
    voice = app.add_flag("-v{1},--verbose{1},-q{0},--quiet{0},--silent{0}");
    app.add_option("-p,--processes", workers)
        ->check(CLI::Range(1, most_workers))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.add_option("-b,--blocksize", block_kib)
        ->check(CLI::Range(least_block_kib, most_block_kib))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.add_option("-S,--suffix", suffix)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }

  CLI::App app;
  CLI::Option *to_stdout, *decompress, *test, *list, *keep, *force, *recursive, *help, *version;
  CLI::Option *level, *names, *voice;
  int workers = 0;
  std::size_t block_kib = 128;
  std::string suffix = ".gz";
};

action chosen_action(const declared& from) {
  if (from.help->count() > 0) return action::show_help;
  if (from.version->count() > 0) return action::show_version;
  if (from.list->count() > 0) return action::list;
  if (from.test->count() > 0) return action::test;
  return from.decompress->count() > 0 ? action::decompress : action::compress;
}

options collect(const declared& from) {
  options all;
  all.what = chosen_action(from);
  if (from.level->count() > 0) all.level = from.level->as<int>();
  all.workers = from.workers;
  all.block_bytes = from.block_kib * 1024;
  all.to_stdout = from.to_stdout->count() > 0;
  all.keep = from.keep->count() > 0;
  all.force = from.force->count() > 0;
  all.recursive = from.recursive->count() > 0;
  if (from.voice->count() > 0) {
    all.verbose = from.voice->as<int>() == 1;
    all.quiet = !all.verbose;
  }
  if (from.names->count() > 0) all.names = from.names->as<int>() == 1 ? naming::on : naming::off;
  all.suffix = from.suffix;
  return all;
}

}  // namespace

options parse_command_line(int argc, char** argv) {
  declared command;
  getopt_words words(command.app);
  words.sort({argv + 1, argv + argc});
  try {
    // CLI11 takes them from the back.
    std::reverse(words.options.begin(), words.options.end());
    command.app.parse(std::move(words.options));
  } catch (const CLI::ParseError& error) {
    throw usage_error(error.what());
  }
  options all = collect(command);
  if (all.suffix.size() > longest_suffix || all.suffix.find('/') != std::string::npos) {
    throw usage_error("invalid suffix '" + all.suffix + "'");
  }
  all.operands = std::move(words.operands);
  return all;
}

std::string help_text() {
  return R"(Usage: sluicez [OPTION]... [FILE]...
Compress or uncompress FILEs (by default, compress FILES in-place) on several CPUs.

  -1, --fast            compress faster
  -9, --best            compress better (default: -6)
  -p, --processes=N     compress with N fibers on N threads (default: one for each CPU)
  -b, --blocksize=KIB   the size of a block that one fiber compresses, at least 32 (default: 128)
  -c, --stdout          write on standard output, keep original files unchanged
  -d, --decompress      decompress
  -f, --force           force overwrite of output file and compress links
  -h, --help            give this help
  -k, --keep            keep (don't delete) input files
  -l, --list            list compressed file contents
  -n, --no-name         do not save or restore the original name and timestamp
  -N, --name            save or restore the original name and timestamp
  -q, --quiet           suppress all warnings and the progress line
  -r, --recursive       operate recursively on directories
  -S, --suffix=SUF      use suffix SUF on compressed files (default: .gz)
  -t, --test            test compressed file integrity
  -v, --verbose         verbose mode
  -V, --version         display version number

With no FILE, or when FILE is -, read standard input. The output is the same for every N.
)";
}

std::string version_text() {
  return std::string("sluicez ") + SLUICE_VERSION_STRING + " (zlib " + zlibVersion() + ")\n";
}

}  // namespace sluicez
