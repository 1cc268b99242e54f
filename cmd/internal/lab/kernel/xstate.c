// User-mode Linux keeps 2.7 kB of a process's registers. A processor with AMX has 11 kB, and
// its kernel takes them back whole or not at all ("ptrace set fp regs failed, errno = 14").
// So linux.uml is run with this ptrace(2), which adds zeros: registers as never used.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

// Longer than those of any processor: the kernel looks at what it has and no further.
static char registers[16384];

long ptrace(enum __ptrace_request request, ...)
{
	va_list args;
	va_start(args, request);
	pid_t pid = va_arg(args, pid_t);
	void *addr = va_arg(args, void *);
	void *data = va_arg(args, void *);
	va_end(args);

	struct iovec whole = {registers, sizeof registers};
	if (request == PTRACE_SETREGSET && addr == (void *)NT_X86_XSTATE) {
		struct iovec *kept = data;
		memcpy(registers, kept->iov_base, kept->iov_len);
		data = &whole;
	}
	long (*real)(enum __ptrace_request, ...) = dlsym(RTLD_NEXT, "ptrace");
	return real(request, pid, addr, data);
}
