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

    /// <summary>What the container's init does once the child has become it; null where the child becomes the command.</summary>
    public LaunchPlan? Inside { get; private set; }

    /// <exception cref="ContainerException">The host lacks something that is asked for.</exception>
    public static LaunchPlan Compile(LaunchRequest request, int hostPidFd, KernelFeatures features)
    {
        if (request.Spec.Private(ContainerNamespaces.Time) && !features.TimeNamespaceAtExec)
        {
            throw new ContainerException("A time namespace of the container's own is not possible on this kernel.", HostHints.For(HostFeature.TimeNamespace));
        }

        LaunchPlan? inside = null;
        if (request.Init is { } init)
        {
            inside = Compile(request, Planner.Inside(request, hostPidFd), init, features, 0);
            init.Complete();
        }

        LaunchPlan plan = Compile(request, Planner.Plan(request, hostPidFd), new StepProgram(), features, Planner.CloneFlags(request));
        plan.Inside = inside;
        return plan;
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

    /// <summary>All that is done, in its order.</summary>
    public IEnumerable<LaunchOperation> AllOperations => Inside is null ? Operations : [.. Operations, .. Inside.Operations];

    /// <summary>What failed, from what the child left in the program.</summary>
    public LaunchException Failure()
    {
        int failed = Program.Failed;
        if (failed < 0 && Inside is not null)
        {
            return Inside.Failure();
        }

        ref readonly StepProgram.Step step = ref Program[failed];
        LaunchOperation operation = Operations[(int)step.Operation];
        if (operation is Execute execute && (step.Call == SystemCall.execve.Number || failed == Program.Count - 1))
        {
            return execute.Explain(Program, failed);
        }

        Errno errno = step.Result > 0 ? Errno.ESRCH : (Errno)(-step.Result);
        return new LaunchException(operation.Name, SystemCall.NameOf(step.Call), errno, operation.Hint(errno));
    }

    /// <summary>But for <see cref="Inside"/>, which the init goes on to use: <see cref="InitPart"/>.</summary>
    public void Dispose() => Program.Dispose();
}
