#include "storage/rocks/log_file_check.h"

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "storage/rocks/torn_write.h"

namespace saker::storage::rocks {

Result<LogFileCheck> CheckLogFile(const std::string& path, std::string_view contents) {
  LogFileCheck check;
  size_t offset = 0;
  const auto torn = [&](bool holes) {
    check.torn_bytes = contents.size() - check.sound_bytes;
    check.holes = holes;
    return check;
  };
  while (offset < contents.size()) {
    const std::string_view rest = RestOfUnit(contents, offset, kBlockBytes);
    const bool last_block = offset + rest.size() == contents.size();
    if (rest.size() < kHeaderBytes) {
      if (last_block && offset % kBlockBytes <= kBlockBytes - kHeaderBytes) return torn(false);
      // The trailer of a full block.
      if (!AllZero(rest)) return Corruption(path, ": the ", rest.size(), " bytes of padding at offset ", offset, " are not zero");
      offset += rest.size();
      continue;
    }
    const Header header = ReadHeader(rest);
    if (header.type == 0 && header.length == 0 && AllZero(rest)) {
      if (AllZero(contents.substr(offset))) return torn(false);
      if (IsTorn(contents, offset)) return torn(true);
      return Corruption(path, ": zeros at offset ", offset, " and records behind them");
    }
    if (kHeaderBytes + header.length > rest.size()) {
      if (!last_block) {
        if (IsTorn(contents, offset)) return torn(true);
        return Corruption(path, ": the record at offset ", offset, " has ", header.length, " bytes, its block ends after ", rest.size());
      }
      if (SomeLengthFits(header, rest.substr(kHeaderBytes - 1))) {
        return Corruption(path, ": the record at offset ", offset, " is whole but says ", header.length, " bytes where ",
                          rest.size() - kHeaderBytes, " are left");
      }
      return torn(false);
    }
    const uint32_t crc = Crc32c(0, rest.substr(kHeaderBytes - 1, header.length + 1));
    if (crc != header.crc || header.type == 0 || header.type > kLast) {
      if (crc != header.crc && IsTorn(contents, offset)) return torn(true);
      return Corruption(path, ": the record at offset ", offset, " (", header.length, " bytes, type ", int{header.type}, ") has checksum ",
                        crc, ", its header says ", header.crc);
    }
    ++check.fragments;
    offset += kHeaderBytes + header.length;
    if (header.type == kFull || header.type == kLast) check.sound_bytes = offset;
  }
  // An end in the middle of a record, or the padding of its last block.
  check.torn_bytes = AllZero(contents.substr(check.sound_bytes)) ? 0 : contents.size() - check.sound_bytes;
  return check;
}

namespace {

Status CutOff(const std::string& path, const LogFileCheck& check) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const bool done = fd >= 0 && ftruncate(fd, static_cast<off_t>(check.sound_bytes)) == 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!done) return Unavailable("cutting a torn write off ", path, ": ", std::system_category().message(error));
  Log(kWarning, "torn write cut off", {{"file", path}, {"sound_bytes", check.sound_bytes}, {"torn_bytes", check.torn_bytes}});
  return OkStatus();
}

}  // namespace

Status CheckLogFiles(const std::string& database_directory) {
  FileSystem& files = FileSystem::Posix();
  const std::string current_path = database_directory + "/CURRENT";
  if (!files.Exists(current_path)) return OkStatus();
  std::string current = TRY(files.ReadAll(current_path, 4096));
  while (!current.empty() && current.back() == '\n') current.pop_back();
  std::vector<std::string> names;
  std::string newest;
  for (const std::string& name : TRY(files.List(database_directory))) {
    const bool write_ahead = name.size() > 4 && name.ends_with(".log");
    if (write_ahead || name == current) names.push_back(name);
    // Longer numbers are greater ones.
    if (write_ahead && std::pair(name.size(), name) > std::pair(newest.size(), newest)) newest = name;
  }
  for (const std::string& name : names) {
    const std::string path = database_directory + "/" + name;
    LogFileCheck check;
    {
      const auto mapped = TRY(files.Map(path));
      const auto bytes = mapped->bytes();
      check = TRY(CheckLogFile(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())));
    }
    const bool written_last = name == newest || name == current;
    if (check.holes && !written_last) {
      return Corruption(path, ": sectors of the record at offset ", check.sound_bytes, " are missing, and there is a newer log");
    }
    if (check.torn_bytes > 0 && written_last) TRY(CutOff(path, check));
  }
  return OkStatus();
}

}  // namespace saker::storage::rocks
