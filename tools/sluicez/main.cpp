// sluicez: a parallel compressor with gzip's format and command line, and the showcase of sluice.
//
// Reading order: compress.cpp (the line of reader, fibers and writer), block.cpp, then unpack.cpp.
// The rest is what a Unix program needs: cli (options), files (operands), job (one input), names,
// output_file, signals, progress, listing, report, io, format.

#include <cstdio>
#include <exception>
#include <new>

#include "cli.hpp"
#include "errors.hpp"
#include "files.hpp"
#include "job.hpp"
#include "report.hpp"
#include "signals.hpp"

namespace sluicez {
namespace {

int print(const std::string& text) {
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return written ? 0 : 1;
}

exit_code treat_files(const options& how) {
  report told(how.quiet ? report::voice::quiet : report::voice::normal);
  job work(how, told);
  try {
    files(how, told, work).treat_all();
    work.finish();
  } catch (const output_error& why) {
    told.error(work.at_work_on(), why.what());
  } catch (const std::bad_alloc&) {
    told.error(work.at_work_on(), "not enough memory");
  } catch (const std::exception& why) {
    told.error(work.at_work_on(), why.what());
  }
  return told.code();
}

}  // namespace
}  // namespace sluicez

int main(int argc, char** argv) {
  using namespace sluicez;
  try {
    const options how = parse_command_line(argc, argv);
    if (how.what == action::show_help) return print(help_text());
    if (how.what == action::show_version) return print(version_text());
    install_signal_handlers();
    return static_cast<int>(treat_files(how));
  } catch (const usage_error& why) {
    std::fprintf(stderr, "sluicez: %s\nTry `sluicez --help' for more information.\n", why.what());
    return static_cast<int>(exit_code::error);
  }
}
