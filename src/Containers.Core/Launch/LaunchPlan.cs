using Containers.Host;
using Containers.Native;

namespace Containers.Launch;

/// <summary>A list of operations, and the program of system calls made of it.</summary>
internal sealed class LaunchPlan : IDisposable
{
    private LaunchPlan(List<LaunchOperation> operations, StepProgram program, ulong cloneFlags)
        => (Operations, Program, CloneFlags) = (operations, program, cloneFlags);

    public List<LaunchOperation> Operations { get; }

    public StepProgram Program { get; }

    public ulong CloneFlags { get; }

    /// <exception cref="ContainerException">The host lacks something that is asked for.</exception>
    public static LaunchPlan Compile(LaunchRequest request, int hostPidFd, KernelFeatures features)
    {
        if (request.Spec.Private(ContainerNamespaces.Time) && !features.TimeNamespaceAtExec)
        {
            throw new ContainerException("A time namespace of the container's own is not possible on this kernel.", HostHints.For(HostFeature.TimeNamespace));
        }

        return Compile(request, Planner.Plan(request, hostPidFd), new StepProgram(), features, Planner.CloneFlags(request));
    }

    /// <summary>The program of some operations; it is disposed when one of them cannot be.</summary>
    public static LaunchPlan Compile(LaunchRequest request, List<LaunchOperation> operations, StepProgram program, KernelFeatures features, ulong cloneFlags)
    {
        try
        {
            PlanCompiler compiler = new(program, request, features);
            for (int i = 0; i < operations.Count; i++)
            {
                program.Operation = (ulong)i;
                operations[i].Compile(compiler);
            }

            compiler.Filter?.Check(program, i => operations[i]);
        }
        catch
        {
            program.Dispose();
            throw;
        }

        return new LaunchPlan(operations, program, cloneFlags);
    }

    /// <summary>What failed, from what the child left in the program.</summary>
    public LaunchException Failure()
    {
        int failed = Program.Failed;
        ref readonly StepProgram.Step step = ref Program[failed];
        LaunchOperation operation = Operations[(int)step.Operation];
        if (operation is Execute execute && (step.Call == SystemCall.execve.Number || failed == Program.Count - 1))
        {
            return execute.Explain(Program, failed);
        }

        Errno errno = step.Result > 0 ? Errno.ESRCH : (Errno)(-step.Result);
        return new LaunchException(operation.Name, SystemCall.NameOf(step.Call), errno, operation.Hint(errno));
    }

    public void Dispose() => Program.Dispose();
}
